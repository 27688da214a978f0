/** Which images may be run: `*` stands for anything but a slash, `**` for anything. */
export interface ImagePattern {
  /** As it was written. */
  readonly text: string;
  readonly expression: RegExp;
}

/**
 * What a reference to an image looks like: a name, with a registry before it and a tag or digest behind it.
 * Nothing that docker would take for an option, or for anything else than an image, is one.
 */
const imageReference = /^[a-z0-9][A-Za-z0-9._\-/:]*(@sha256:[0-9a-f]{64})?$/;

/** Reads a pattern; undefined for one that can match no image. */
export function parseImagePattern(text: string): ImagePattern | undefined {
  if (!/^[A-Za-z0-9*][A-Za-z0-9._\-/:@*]*$/.test(text)) {
    return undefined;
  }
  const expression = text
    .split(/(\*+)/)
    .map((part) => {
      if (!part.startsWith("*")) return part.replaceAll(".", "\\.");
      return part === "*" ? "[^/]*" : ".*";
    })
    .join("");
  return { text, expression: new RegExp(`^${expression}$`) };
}

/** Why an image may not be run, or undefined if it may. */
export function imageRefusal(image: string, patterns: readonly ImagePattern[]): string | undefined {
  if (image === "") {
    return "neither the op nor its task names an image";
  }
  if (!imageReference.test(image)) {
    return `${JSON.stringify(image)} is no reference to an image`;
  }
  if (patterns.some(({ expression }) => expression.test(image))) {
    return undefined;
  }
  const allowed = patterns.map(({ text }) => text).join(", ");
  return `the image ${image} is none of those that this worker allows: ${allowed}`;
}
