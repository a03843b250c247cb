/** The few pictures of the interface; all are decoration beside a text. */

export const Mark = () => (
  <svg viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="7" fill="#3451d1" />
    <path
      d="M8 21l5.5-6 4 4L24 11"
      fill="none"
      stroke="#fff"
      stroke-width="3"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  </svg>
);

export const Cross = () => (
  <svg viewBox="0 0 16 16" width="10" height="10" aria-hidden="true">
    <path d="M3 3l10 10M13 3L3 13" stroke="currentColor" stroke-width="2" stroke-linecap="round" />
  </svg>
);

export const ArrowLeft = () => (
  <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
    <path
      d="M10 3L5 8l5 5"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  </svg>
);

export const Rise = () => (
  <svg viewBox="0 0 16 16" width="8" height="8" aria-hidden="true">
    <path d="M8 2l7 12H1z" fill="currentColor" />
  </svg>
);

export const Fall = () => (
  <svg viewBox="0 0 16 16" width="8" height="8" aria-hidden="true">
    <path d="M8 14L1 2h14z" fill="currentColor" />
  </svg>
);
