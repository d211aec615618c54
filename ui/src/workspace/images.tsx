// The pictures of several runs, side by side, at one step.

import { useEffect, useMemo, useState } from "preact/hooks";

import { fileUrl } from "../api/client";
import { fetchFolder } from "../api/run";
import { Dot } from "../parts/small";
import { isPicture, type Picture, picturesAt, toPicture } from "../pure/image_steps";
import { href } from "../router";
import { report } from "../session";

const MOST_RUNS = 12;
const MOST_FOLDERS = 12;

export function ImagesPanel({ runIds, nameOf }: { runIds: string[]; nameOf: Map<string, string> }) {
  const ids = useMemo(() => runIds.slice(0, MOST_RUNS), [runIds.join()]);
  const [pictures, setPictures] = useState<Map<string, Picture[]> | null>(null);
  const [step, setStep] = useState(Infinity);
  useEffect(() => {
    let isOver = false;
    Promise.all(ids.map(async (id): Promise<[string, Picture[]]> => [id, await runPictures(id)])).then(
      (found) => !isOver && setPictures(new Map(found)),
      report,
    );
    return () => {
      isOver = true;
    };
  }, [ids]);
  if (!pictures) return <p class="empty">Looking for pictures…</p>;
  const all = [...pictures.values()].flat();
  const steps = [...new Set(all.flatMap((one) => one.step ?? []))].sort((a, b) => a - b);
  const series = [...new Set(all.map((one) => one.series))].sort();
  if (!all.length) return <p class="empty">These runs have no pictures among their files.</p>;
  const at = Math.min(step, steps.at(-1) ?? 0);
  return (
    <section class="card images">
      {steps.length > 1 && (
        <header>
          <label class="slider">
            step
            <input type="range" min="0" max={steps.length - 1} value={nearest(steps, at)} aria-label="Step" onInput={(event) => setStep(steps[Number(event.currentTarget.value)]!)} />
            <output class="num">{at}</output>
          </label>
        </header>
      )}
      {series.map((name) => (
        <div key={name} class="image-series">
          <h3>{name}</h3>
          <div class="image-row">
            {ids.map((id) => {
              const picture = picturesAt(pictures.get(id) ?? [], at).get(name);
              if (!picture) return null;
              return (
                <figure key={id}>
                  <a href={href(`r/${id}/files/${picture.path}`)}>
                    <img loading="lazy" src={fileUrl(id, picture.path)} alt={`${nameOf.get(id) ?? id}: ${picture.path}`} />
                  </a>
                  <figcaption>
                    <Dot runId={id} /> {nameOf.get(id) ?? id}
                    {picture.step !== null && <small> {picture.step}</small>}
                  </figcaption>
                </figure>
              );
            })}
          </div>
        </div>
      ))}
    </section>
  );
}

function nearest(steps: number[], at: number): number {
  return Math.max(0, steps.findLastIndex((one) => one <= at));
}

/** The pictures in the run's root folder and those below it. */
async function runPictures(runId: string): Promise<Picture[]> {
  const root = await fetchFolder(runId, "");
  const folders = root.filter((one) => one.is_dir).slice(0, MOST_FOLDERS);
  const below = await Promise.all(folders.map((one) => fetchFolder(runId, one.path)));
  return [...root, ...below.flat()].filter((one) => !one.is_dir && isPicture(one.path)).map((one) => toPicture(one.path));
}
