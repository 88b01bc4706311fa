// What the server says about the room and what can be compared with it.

export interface Channel {
  id: string; q: string; label: string; place: string; unit: string; decimals: number; group: string; below: number | null; above: number | null;
}
export interface Config { room: string; name: string; channels: Channel[]; shown: string[]; first: number; marks: string }

export function readConfig(): Config | null {
  const block = document.getElementById("course-config");
  return block?.textContent ? (JSON.parse(block.textContent) as Config) : null;
}
