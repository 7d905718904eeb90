import { useTexts } from "../../i18n/speech.tsx";
import { ENDPOINTS, type Endpoint } from "../generators.ts";
import { formPath } from "../routes.ts";
import { Heading } from "./heading.tsx";
import { Link } from "./link.tsx";

/** What comes of a seed that everybody knows, so that nobody takes them for something to use. */
const EXAMPLES: Readonly<Record<Endpoint, string>> = {
  custom: "app_T4sHeyqXb1on6mAH_key",
  password: "xxFu2q4H4al2vNkW7r*uJoe!C",
  "api-key": "ak_T4sHeyqXb1on6mAHwhLo9Nl0HZFc0d…",
  mnemonic: "profit hunt setup hamster guide embark …",
};

export function Menu({ visit }: { readonly visit: number }) {
  const { text, parts } = useTexts();
  return (
    <main class="menu">
      <header class="lead">
        <Heading visit={visit}>{text("workshop.title")}</Heading>
        <p>{text("workshop.lead")}</p>
      </header>
      {/* biome-ignore lint/a11y/noRedundantRoles: Safari takes a list without bullets for no list. */}
      <ul role="list" class="cards">
        {ENDPOINTS.map((endpoint) => {
          const [name, what] = parts(`workshop.${endpoint}`);
          return (
            <li key={endpoint}>
              <h2>
                <Link to={formPath(endpoint)}>{name}</Link>
              </h2>
              <p>{what}</p>
              <code aria-hidden="true" dir="ltr" translate={false}>
                {EXAMPLES[endpoint]}
              </code>
            </li>
          );
        })}
      </ul>
    </main>
  );
}
