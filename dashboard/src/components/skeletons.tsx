/** Empty shapes in the place of what is being loaded. */

export const CardSkeleton = ({ height }: { height: number }) => (
  <div class="card" aria-hidden="true">
    <div class="skeleton" style={{ height: `${height}px` }} />
  </div>
);

export const TilesSkeleton = () => <div class="skeleton tiles-skeleton" aria-hidden="true" />;

/** Tiles and cards. What comes after them stays out of sight until the page's length is known. */
export const PageSkeleton = () => (
  <div class="page-skeleton stack" aria-hidden="true">
    <TilesSkeleton />
    <div class="grid">
      {[0, 1, 2, 3].map((card) => (
        <CardSkeleton key={card} height={240} />
      ))}
    </div>
  </div>
);
