// Markdown as safe HTML. Loaded only where there is some.

import DOMPurify from "dompurify";
import { marked } from "marked";

export function renderMarkdown(text: string): string {
  const html = marked.parse(text, { async: false, gfm: true });
  // Styles would be refused by the Content-Security-Policy, forms and pictures from elsewhere would tell of the reader.
  return DOMPurify.sanitize(html, { FORBID_TAGS: ["style", "form", "input", "button"], FORBID_ATTR: ["style"] });
}
