declare module "htmx.org/dist/htmx.esm.js" {
  const htmx: {
    trigger(element: Element, name: string): void;
    defineExtension(name: string, extension: object): void;
  };
  export default htmx;
}
declare module "idiomorph/dist/idiomorph.esm.js" {
  export const Idiomorph: { morph(old: Element, fresh: Element, options: object): Node[] };
}
