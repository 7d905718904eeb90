/** Small drawings. They never say anything alone: a word stands beside each, or names the button it is in. */

const PATHS = {
  play: "M5 2.5v11l9-5.5z",
  pause: "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z",
  again: "M8 2a6 6 0 1 0 6 6h-2a4 4 0 1 1-4-4v3l4.5-4L8-1z",
  copy: "M5 1h9v10h-3v4H2V5h3zm2 2v2h4v4h1V3zM4 7v6h5V7z",
  done: "M6.2 13.5 1 8.3l1.8-1.8 3.4 3.4 7-7L15 4.7z",
  system: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 2v10A5 5 0 0 1 8 3z",
  light:
    "M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM7.2 0h1.6v2.5H7.2zM7.2 13.5h1.6V16H7.2zM0 7.2h2.5v1.6H0zM13.5 7.2H16v1.6h-2.5zM1.8 2.9 2.9 1.8l1.8 1.8-1.1 1.1zM11.3 12.4l1.1-1.1 1.8 1.8-1.1 1.1zM1.8 13.1l1.8-1.8 1.1 1.1-1.8 1.8zM11.3 3.6l1.8-1.8 1.1 1.1-1.8 1.8z",
  dark: "M6.5 1.2A7 7 0 1 0 14.8 9.5 6 6 0 0 1 6.5 1.2z",
  care: "M8 1 .5 14.5h15zm-.9 5h1.8v4.5H7.1zm0 5.5h1.8v1.6H7.1z",
  fail: "M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1zm.5 3.1L4.1 5.6 6.5 8l-2.4 2.4 1.5 1.5L8 9.5l2.4 2.4 1.5-1.5L9.5 8l2.4-2.4-1.5-1.5L8 6.5z",
  wait: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zm0 2a5 5 0 1 0 0 10A5 5 0 0 0 8 3zm-.9 1.5h1.8v3.1l2.3 2.3-1.3 1.3-2.8-2.8z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path fill-rule="evenodd" d={PATHS[name]} />
    </svg>
  );
}

/** Three tiles found, one to go: the puzzle in small. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 22 14" aria-hidden="true" focusable="false">
      <path d="M0 0h4v14H0zM6 0h4v14H6zM12 0h4v14h-4z" />
      <path class="open" d="M18.5.5h3v13h-3z" />
    </svg>
  );
}
