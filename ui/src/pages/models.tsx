// Registered models: their versions, aliases, and the run that each came from.

import { useEffect, useState } from "preact/hooks";

import { fetchModels, fetchVersions, type ModelVersion, type RegisteredModel } from "../api/models";
import { Header } from "../parts/header";
import { Markdown } from "../parts/notes";
import { Dot } from "../parts/small";
import { age, moment, plural } from "../pure/format";
import { href } from "../router";
import { report } from "../session";

export function ModelsPage({ name }: { name: string | null }) {
  const [models, setModels] = useState<RegisteredModel[] | null>(null);
  useEffect(() => {
    document.title = `${name ?? "Models"} · Runstone`;
    fetchModels().then(setModels, report);
  }, [name]);
  const model = models?.find((one) => one.name === name);
  return (
    <div class="page">
      <Header
        crumbs={
          name === null ? (
            <b>Models</b>
          ) : (
            <>
              <a href={href("models")}>Models</a>
              <span aria-hidden="true">/</span>
              <b>{name}</b>
            </>
          )
        }
      />
      <main class="list-page">
        {name === null ? models && <ModelList models={models} /> : models && !model ? <p class="empty tall">There is no model {name}.</p> : model && <Model model={model} />}
      </main>
    </div>
  );
}

function ModelList({ models }: { models: RegisteredModel[] }) {
  return (
    <>
      <div class="list-head">
        <h1>Models</h1>
        <span class="soft num">{plural(models.length, "registered model")}</span>
      </div>
      {!models.length && (
        <div class="empty tall">
          <p>No model is registered yet. To register the model of a run:</p>
          <pre class="code">{`client = mlflow.MlflowClient()
client.create_registered_model("classifier")
client.create_model_version("classifier", source="runs:/RUN_ID/model", run_id="RUN_ID")`}</pre>
        </div>
      )}
      {models.length > 0 && (
        <table class="list">
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col">Aliases</th>
              <th scope="col">Last change</th>
            </tr>
          </thead>
          <tbody>
            {models.map((one) => (
              <tr key={one.name}>
                <td class="list-name">
                  <a href={href(`models/${encodeURIComponent(one.name)}`)}>{one.name}</a>
                  {one.description && <small>{one.description.split("\n")[0]}</small>}
                </td>
                <td>
                  {(one.aliases ?? []).map(({ alias, version }) => (
                    <span key={alias} class="status soft">
                      {alias}: {version}
                    </span>
                  ))}
                </td>
                <td title={one.last_updated_timestamp ? moment(one.last_updated_timestamp) : undefined}>{one.last_updated_timestamp ? age(one.last_updated_timestamp, Date.now()) : ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Model({ model }: { model: RegisteredModel }) {
  const [versions, setVersions] = useState<ModelVersion[] | null>(null);
  useEffect(() => {
    fetchVersions(model.name).then(setVersions, report);
  }, [model.name]);
  const aliases = (version: string) => (model.aliases ?? []).filter((one) => String(one.version) === String(version)).map((one) => one.alias);
  return (
    <>
      <div class="list-head">
        <h1>{model.name}</h1>
        {versions && <span class="soft num">{plural(versions.length, "version")}</span>}
      </div>
      {model.description && (
        <section class="card notes">
          <Markdown text={model.description} />
        </section>
      )}
      {versions && versions.length > 0 && (
        <table class="list">
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">Aliases</th>
              <th scope="col">Run</th>
              <th scope="col">Source</th>
              <th scope="col">Made</th>
            </tr>
          </thead>
          <tbody>
            {versions.map((one) => (
              <tr key={one.version}>
                <td class="num-left">{one.version}</td>
                <td>
                  {aliases(one.version).map((alias) => (
                    <span key={alias} class="status good">
                      {alias}
                    </span>
                  ))}
                </td>
                <td>
                  {one.run_id && (
                    <a href={href(`r/${one.run_id}`)}>
                      <Dot runId={one.run_id} /> {one.run_id.slice(-12)}
                    </a>
                  )}
                </td>
                <td class="mono soft clip" title={one.source}>
                  {one.source}
                </td>
                <td title={one.creation_timestamp ? moment(one.creation_timestamp) : undefined}>{one.creation_timestamp ? age(one.creation_timestamp, Date.now()) : ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
