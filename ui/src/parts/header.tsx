// The bar at the top of every page.

import type { ComponentChildren } from "preact";

import { reachable } from "../live";
import { href } from "../router";
import { capabilities } from "../session";
import { theme, toggleTheme } from "../theme";
import { Icon } from "./small";

export function Header({ crumbs, children }: { crumbs?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <header class="bar">
      <a class="brand" href={href("")} aria-label="Runstone: experiments">
        <img src={href("icon.svg")} alt="" width="18" height="18" />
        <span>Runstone</span>
      </a>
      <nav class="crumbs" aria-label="Where you are">
        {crumbs}
      </nav>
      <div class="bar-rest">{children}</div>
      {!reachable.value && (
        <span class="status bad" role="status">
          no answer from the server
        </span>
      )}
      {capabilities.value?.read_only && <span class="status soft">read-only</span>}
      <a href={href("models")}>Models</a>
      <button type="button" class="quiet" onClick={toggleTheme} aria-label={theme.value === "dark" ? "Light colours" : "Dark colours"} title="Light or dark">
        <Icon name={theme.value === "dark" ? "sun" : "moon"} />
      </button>
    </header>
  );
}
