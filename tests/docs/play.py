"""Runs the blocks of a page, given as JSON on stdin, in the working directory: Python in one namespace, shell by bash.

A program of its own, run by `python -c`, so that a page has a process, an interpreter's exit and a folder of its own.
A line `expression  # -> value` says what the expression's repr is.
"""

import ast
import contextlib
import doctest
import io
import json
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path

RESULT = re.compile(r".*\S  # -> (?P<value>.+)$")
namespace = {"__name__": "__main__"}


def fail(block, problem):
    print(f"{block['page']}, line {block['line']}: {problem}", file=sys.stderr)
    # Not by an exception: runs that are active are then ended as FINISHED, and the message stays the last one.
    sys.exit(1)


def run_python(block):
    """What the block prints; the last line of a traceback where it is meant to raise."""
    out = io.StringIO()
    # Blank lines before the text, so that a traceback names the page's own line.
    text = "\n" * (block["line"] - 1) + block["text"]
    expected = block["meaning"].partition("raises ")[2]
    try:
        with contextlib.redirect_stdout(out):
            run_statements(block, text)
    except Exception as error:  # noqa: BLE001 -- whatever the page shows
        if expected != type(error).__name__:
            fail(block, f"raised\n{traceback.format_exc()}")
        return f"{type(error).__name__}: {error}\n"
    if expected:
        fail(block, f"did not raise {expected}")
    return out.getvalue()


def run_statements(block, text):
    lines = text.splitlines()
    for statement in ast.parse(text).body:
        last = lines[statement.end_lineno - 1]
        result = RESULT.match(last)
        if not (result and isinstance(statement, ast.Expr)):
            exec(compile(ast.Module([statement], []), block["page"], "exec"), namespace)
            continue
        found = eval(compile(ast.Expression(statement.value), block["page"], "eval"), namespace)
        if repr(found) != result["value"].strip():
            fail({**block, "line": statement.end_lineno}, f"is {found!r}, not {result['value']}")


def run_shell(block):
    command = ["bash", "-euo", "pipefail", "-c", block["text"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expected = 1 if block["meaning"] == "fails" else 0
    if done.returncode != expected:
        fail(block, f"exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stderr if expected else done.stdout


def check_output(block, found):
    def plain(text):
        return "".join(line.rstrip() + "\n" for line in text.splitlines())

    checker = doctest.OutputChecker()
    if not checker.check_output(plain(block["text"]), plain(found), doctest.ELLIPSIS):
        fail(block, f"the block before printed\n{found}")


def play(blocks):
    output = ""
    for block in blocks:
        meaning, language = block["meaning"], block["language"]
        if meaning.startswith("not run: "):
            continue
        if meaning.startswith("file: "):
            Path(meaning.removeprefix("file: ")).write_text(block["text"], encoding="utf-8")
        elif meaning == "output":
            check_output(block, output)
        elif language == "python":
            output = run_python(block)
        elif language == "sh":
            output = run_shell(block)


os.environ["COLUMNS"] = "100"
play(json.load(sys.stdin))
