/** Puts `item` where it belongs in a list that is in this order. Equal ones: before those that are there. */
export function insertSorted<T>(list: T[], item: T, compare: (a: T, b: T) => number): void {
  list.splice(indexFor(list, item, compare), 0, item);
}

/** Where the first one stands that is not before `item`. */
export function indexFor<T>(list: readonly T[], item: T, compare: (a: T, b: T) => number): number {
  let [from, to] = [0, list.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const there = list[middle];
    if (there !== undefined && compare(there, item) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
