import { useTexts } from "../../i18n/speech.tsx";
import { MENU, resultPath } from "../routes.ts";
import type { Redeeming, Workshop } from "../workshop.ts";
import { Heading } from "./heading.tsx";
import { Link } from "./link.tsx";
import { Refused } from "./refused.tsx";
import { isPassing } from "./words.ts";

interface RedeemProperties {
  readonly workshop: Workshop;
  readonly redeeming: Redeeming;
  readonly user: string | null;
}

/** What a mailed link comes to, while nothing else is shown. */
export function RedeemPage({ workshop, redeeming, user }: RedeemProperties) {
  const { text } = useTexts();
  const refusal = redeeming.step === "refused" ? redeeming.refusal : null;
  const order = redeeming.step === "refused" ? redeeming.order : null;
  const mayWork = refusal !== null && isPassing(refusal);
  return (
    <main class="redeem" aria-busy={refusal === null}>
      <header class="lead">
        <Heading visit={0}>{text(refusal === null ? "workshop.redeeming" : "workshop.sign-in")}</Heading>
      </header>
      <Refused refusal={refusal}>
        {mayWork && (
          <button type="button" class="first" onClick={workshop.redeemAgain}>
            {text("workshop.retry")}
          </button>
        )}
        {!mayWork && user === null && (
          <button type="button" class="first" onClick={() => workshop.open("sign-in")}>
            {text("workshop.new-link")}
          </button>
        )}
        {/* Most often a link that was opened twice: whoever is signed in needs no other. */}
        {!mayWork && user !== null && <p>{text("workshop.in")}</p>}
        {!mayWork && user !== null && order !== null && (
          <button type="button" class="first" onClick={() => workshop.go(resultPath(order))}>
            {text("workshop.generate")}
          </button>
        )}
        <Link to={MENU}>{text("workshop.all")}</Link>
      </Refused>
    </main>
  );
}
