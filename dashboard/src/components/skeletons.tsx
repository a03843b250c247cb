/** Empty shapes in the place of what is being loaded. */

interface LinesProps {
  readonly lines: number;
}

const Lines = ({ lines }: LinesProps) => (
  <>
    {Array.from({ length: lines }, (_, line) => (
      <div key={line} class="skeleton line" />
    ))}
  </>
);

/** A card of which at most the title is known. */
export const CardSkeleton = ({ title, lines }: LinesProps & { title?: string }) => (
  <div class="card appears" aria-hidden="true">
    <header>{title === undefined ? <div class="skeleton heading" /> : <h2>{title}</h2>}</header>
    <Lines lines={lines} />
  </div>
);

/** Some lines within a card. */
export const LinesSkeleton = ({ lines }: LinesProps) => (
  <div aria-hidden="true">
    <Lines lines={lines} />
  </div>
);

export const TilesSkeleton = ({ tiles }: { tiles: number }) => (
  <div class="tiles appears" aria-hidden="true">
    {Array.from({ length: tiles }, (_, tile) => (
      <div key={tile} class="tile">
        <Lines lines={3} />
      </div>
    ))}
  </div>
);

/** Tiles and cards. What comes after them stays out of sight until the page's length is known. */
export const PageSkeleton = () => (
  <div class="page-skeleton stack" aria-hidden="true">
    <TilesSkeleton tiles={5} />
    <div class="grid">
      {[0, 1, 2, 3, 4, 5].map((card) => (
        <CardSkeleton key={card} lines={6} />
      ))}
    </div>
  </div>
);
