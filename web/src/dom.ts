// Elements are made from text, never from markup: whatever a client sent stays text.
type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | undefined | ((event: Event) => void)>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]): SVGElementTagNameMap[K] {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill<E extends Element>(element: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((c): c is Node | string => c !== null && c !== undefined && c !== false));
  return element;
}

export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

// Only what is different is written, so that a screen reader hears changes and a selection stays.
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function table(caption: string, head: string[], rows: (string | number)[][]): HTMLTableElement {
  return h("table", {}, h("caption", {}, caption),
    h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell, i) =>
      i === 0 ? h("th", { scope: "row" }, String(cell)) : h("td", {}, String(cell)))))));
}

// A table that is made only while it is open.
export function asTable(make: () => HTMLElement): HTMLDetailsElement & { renew(): void } {
  const box = h("details", { class: "as-table" }, h("summary", {}, "As a table"));
  const renew = () => {
    if (box.open && !box.contains(document.activeElement?.closest("table") ?? null)) {
      box.querySelector("table")?.remove();
      box.append(make());
    }
  };
  box.addEventListener("toggle", renew);
  return Object.assign(box, { renew });
}
