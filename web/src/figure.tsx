/** A drawing or table that can be taken away: as SVG, if it is one, and its data as JSON. */
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { words } from "./strings";

export function save(name: string, content: string, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function Figure(props: { name: string; data: () => unknown; children: ComponentChildren }) {
  const box = useRef<HTMLElement>(null);
  const t = words().common;

  function savePicture(): void {
    const drawing = box.current?.querySelector<SVGSVGElement>("svg[role=img]");
    if (!drawing) return;
    const copy = drawing.cloneNode(true) as SVGSVGElement;
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copyColours(drawing, copy);
    save(`${props.name}.svg`, new XMLSerializer().serializeToString(copy), "image/svg+xml");
  }

  return (
    <figure class="figure" ref={box}>
      {props.children}
      <p class="take">
        <button class="quiet" onClick={() => save(`${props.name}.json`, JSON.stringify(props.data(), null, 1), "application/json")}>
          {t.saveData}
        </button>
        <button class="quiet only-with-svg" onClick={savePicture}>
          {t.savePicture}
        </button>
      </p>
    </figure>
  );
}

/** The page's style sheet does not travel with a saved drawing, so what it says is written into each shape. */
function copyColours(from: Element, to: Element): void {
  const seen = getComputedStyle(from);
  for (const name of ["fill", "stroke", "stroke-width", "opacity", "font-size", "font-family", "text-anchor"]) {
    const value = seen.getPropertyValue(name);
    if (value) to.setAttribute(name, value);
  }
  [...from.children].forEach((child, i) => copyColours(child, to.children[i]));
}
