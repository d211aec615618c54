// Which page is shown for which path.

import { render } from "preact";

import { Header } from "./parts/header";
import { KeyHelp, Notice } from "./parts/frame";
import { ComparePage } from "./pages/compare";
import { ExperimentsPage } from "./pages/experiments";
import { ModelsPage } from "./pages/models";
import { RunPage } from "./pages/run";
import { path } from "./router";
import { loadCapabilities } from "./session";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { WorkspacePage } from "./workspace/page";

function Page() {
  const [kind, id, ...rest] = path.value.split("/").map(decodeURIComponent);
  if (!kind) return <ExperimentsPage />;
  if (kind === "e" && id && !rest.length) return <WorkspacePage key={id} experimentId={id} />;
  if (kind === "r" && id) return <RunPage key={id} runId={id} file={rest[0] === "files" ? rest.slice(1).join("/") : null} />;
  if (kind === "compare") return <ComparePage />;
  if (kind === "models") return <ModelsPage name={id ?? null} />;
  return (
    <div class="page">
      <Header />
      <p class="empty tall">There is no such page.</p>
    </div>
  );
}

void loadCapabilities();
render(
  <>
    <Page />
    <Notice />
    <KeyHelp />
  </>,
  document.getElementById("app")!,
);
