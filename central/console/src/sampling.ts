// The form of a sampling plan: copies and changes, with only the fields that the kind of sample needs.
import { post, toast } from "./acts";

interface Rules { sampling: string; percent: number; level: string; aql: string; min_ok_pct: number | null; strict_codes: string[]; [name: string]: unknown }
interface Plan { id: string | null; name: string; rules: Rules }

const STRICT = ["match", "missing", "order", "duplicate"];
const TICKS = ["enforce", "machine", "doubtful", "switching", "reduced", "four_eyes", "override"];
const RELOAD_MS = 600;

export function startSampling(form: HTMLFormElement): void {
  const dialog = form.closest("dialog")!;
  let plan: Plan | null = null;
  const field = (name: string): HTMLInputElement => form.elements.namedItem(name) as HTMLInputElement;
  const fit = (): void => {
    const kind = field("sampling").value;
    for (const part of form.querySelectorAll<HTMLElement>("[data-for]")) part.hidden = !part.dataset.for!.split(" ").includes(kind);
  };
  form.addEventListener("change", fit);
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-plan-copy], [data-plan-edit]");
    if (!button) return;
    plan = JSON.parse(button.dataset.planCopy ?? button.dataset.planEdit!) as Plan;
    const { rules } = plan;
    field("name").value = plan.name;
    for (const name of ["sampling", "percent", "level", "aql"]) field(name).value = String(rules[name]);
    field("min_ok_pct").value = rules.min_ok_pct === null ? "" : String(rules.min_ok_pct);
    for (const name of TICKS) field(name).checked = rules[name] === true;
    field("strict").checked = rules.strict_codes.length > 0;
    fit();
    dialog.showModal();
    field("name").select();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!plan) return;
    const share = field("min_ok_pct").value;
    const rules = {
      ...plan.rules, sampling: field("sampling").value, percent: Number(field("percent").value), level: field("level").value, aql: field("aql").value,
      min_ok_pct: share === "" ? null : Number(share), strict_codes: field("strict").checked ? (plan.rules.strict_codes.length ? plan.rules.strict_codes : STRICT) : [],
      ...Object.fromEntries(TICKS.map((name) => [name, field(name).checked])),
    };
    post(`/api/v1/acceptance/plans${plan.id ? `/${plan.id}` : ""}`, { name: field("name").value, rules })
      .then(() => { dialog.close(); window.setTimeout(() => location.reload(), RELOAD_MS); })
      .catch((error: Error) => toast(error.message, { tone: "alarm", ms: 12000 }));
  });
}

/** A name is only asked for where the choice is not for the whole site. */
export function startChoice(scope: HTMLSelectElement): void {
  const name = scope.form!.elements.namedItem("name") as HTMLInputElement;
  const fit = (): void => {
    name.closest<HTMLElement>(".field")!.hidden = scope.value === "site";
    name.required = scope.value !== "site";
    if (scope.value === "site") name.value = "";
  };
  scope.addEventListener("change", fit);
  fit();
}
