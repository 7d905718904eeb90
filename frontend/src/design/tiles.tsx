interface TilesProperties {
  readonly count: number;
  readonly filled: number;
  /** Milliseconds between the tiles, where they are animated. */
  readonly stagger?: number;
}

/** So many of so many, as shapes. The numbers stand in words beside it. */
export function Tiles({ count, filled, stagger }: TilesProperties) {
  return (
    <div class={count > 24 ? "tiles many" : "tiles"} aria-hidden="true">
      {Array.from({ length: count }, (_, place) => (
        <i
          key={place}
          class={place < filled ? "filled" : ""}
          style={stagger === undefined ? undefined : { animationDelay: `${place * stagger}ms` }}
        />
      ))}
    </div>
  );
}
