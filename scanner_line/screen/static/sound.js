// Tones for each verdict, from the screen itself, beside the bench's buzzer. Loudness and mute are remembered.
import { keep, stored } from "./kit.js";

const TONES = {
  good: [[660, 0.09]], look: [[440, 0.14], [440, 0.14]], bad: [[220, 0.28], [196, 0.28], [175, 0.34]], failed: [[165, 0.9]],
  rejected: [[300, 0.06], [300, 0.06], [300, 0.06]], ignored: [[300, 0.06], [300, 0.06]], control: [[520, 0.08], [780, 0.1]], cut: [[150, 0.5], [150, 0.5]],
};
const LOUDEST = 0.6;
let audio = null;
let on = stored("sound", "on") === "on";
let loudness = Math.min(100, Math.max(0, Number(stored("loudness", "60")) || 0));

export const isOn = () => on;
export const level = () => loudness;
export function setOn(wish) { on = wish; keep("sound", on ? "on" : "off"); }
export function setLevel(wish) { loudness = wish; keep("loudness", String(wish)); }

/** A browser lets a page sound only after a touch or key; called at each. */
export function wake() {
  audio ??= typeof AudioContext === "undefined" ? null : new AudioContext();
  if (audio?.state === "suspended") audio.resume();
}

export function play(name) {
  const notes = TONES[name];
  if (!notes) return;
  document.body.dataset.sounded = name; // for those who cannot hear it, and for tests
  if (!on || !audio || !loudness) return;
  let at = audio.currentTime + 0.01;
  for (const [hertz, seconds] of notes) {
    const tone = audio.createOscillator();
    const gain = audio.createGain();
    tone.frequency.value = hertz;
    tone.type = hertz < 250 ? "square" : "sine";
    gain.gain.setValueAtTime(LOUDEST * (loudness / 100) ** 2, at);
    gain.gain.exponentialRampToValueAtTime(0.001, at + seconds);
    tone.connect(gain).connect(audio.destination);
    tone.start(at);
    tone.stop(at + seconds);
    at += seconds + 0.07;
  }
}
