// The calibration form: gathers its points, and takes the sensor's present reading as the raw value of one.

function gathered(form: HTMLFormElement): number[][] {
  const points: number[][] = [];
  for (const row of form.querySelectorAll<HTMLElement>("[data-point]")) {
    const [raw, reference] = ["raw", "reference"].map((side) => row.querySelector<HTMLInputElement>(`[data-side=${side}]`)!.value);
    if (raw !== "" && reference !== "") points.push([Number(raw), Number(reference)]);
  }
  return points;
}

export function startCalibration(form: HTMLFormElement): void {
  const told = (): void => { form.dataset.json = JSON.stringify({ points: gathered(form) }); };
  form.addEventListener("input", told);
  told();
  for (const button of form.querySelectorAll<HTMLButtonElement>("[data-take]")) {
    button.addEventListener("click", () => {
      const raw = document.querySelector<HTMLElement>("[data-raw]")?.dataset.raw;
      if (!raw) return;
      button.closest("[data-point]")!.querySelector<HTMLInputElement>("[data-side=raw]")!.value = raw;
      told();
    });
  }
}
