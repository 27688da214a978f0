import { createHash } from "node:crypto";

/** A piece of HTML in which everything that came from elsewhere is escaped. */
export class Html {
  readonly text: string;

  /** Only {@link html} makes one. */
  constructor(text: string) {
    this.text = text;
  }
}

type Filling = string | number | Html | undefined | readonly Html[];

/** HTML with what is filled in escaped, unless it is HTML itself; undefined is nothing. */
export function html(pieces: TemplateStringsArray, ...fillings: readonly Filling[]): Html {
  return new Html(pieces.map((piece, index) => `${piece}${toText(fillings[index])}`).join(""));
}

function toText(filling: Filling): string {
  if (filling === undefined) return "";
  if (filling instanceof Html) return filling.text;
  if (typeof filling === "object") return filling.map(({ text }) => text).join("");
  return escape(String(filling));
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign] ?? "");
}

const style = `
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1b1b; background: #fff; }
h1 { font-size: 1.25rem; }
.prompt, .description, pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.prompt { font-size: 1.15rem; }
pre { background: #f2f2f2; padding: 0.75rem; max-height: 20rem; overflow: auto; }
label, legend { font-weight: 600; display: block; margin-top: 1rem; }
fieldset { border: 1px solid #767676; }
fieldset label { font-weight: 400; margin: 0.5rem 0; }
input[type="text"], textarea { font: inherit; width: 100%; box-sizing: border-box; padding: 0.4rem; }
button { font: inherit; padding: 0.5rem 1.5rem; margin: 1rem 0.75rem 0 0; min-width: 6rem; }
.fault { border-left: 4px solid #b00020; padding-left: 0.75rem; }
.facts { color: #4a4a4a; font-size: 0.9rem; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #1b1b1b; }
  pre { background: #2c2c2c; }
  .facts { color: #bbb; }
  a { color: #8ab4f8; }
}
`;

/**
 * What a page may do: show itself and send its form here. No script, nothing from elsewhere, in no frame.
 */
export const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A whole page. */
export function page(title: string, body: Html): string {
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`.text;
}
