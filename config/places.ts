import type { Path, Place } from './problems.js';

/** Remembers where each key and value was written. */
export interface Places {
  /** A value's place: its own, or the one of what it should have been in. */
  ofValue(path: Path): Place;
  ofKey(path: Path): Place;
  noteValue(path: Path, place: Place): void;
  noteKey(path: Path, place: Place): void;
}

const START: Place = { kind: 'file', line: 1, column: 1 };

const id = (path: Path): string => JSON.stringify(path);

export function createPlaces(): Places {
  const values = new Map<string, Place>();
  const keys = new Map<string, Place>();

  const ofValue = (path: Path): Place => {
    const place = values.get(id(path));
    if (place !== undefined) return place;
    return path.length === 0 ? START : ofValue(path.slice(0, -1));
  };
  return {
    ofValue,
    ofKey: (path) => keys.get(id(path)) ?? ofValue(path),
    noteValue: (path, place) => void values.set(id(path), place),
    noteKey: (path, place) => void keys.set(id(path), place),
  };
}
