/**
 * The bytes of a stream from a moving start to the end of its latest block, by absolute offset. Blocks may reuse their
 * memory: what is kept beyond a block is copied by `keepFrom`.
 */
export class ByteWindow {
  private held: Buffer[] = [];
  private heldStart: number;
  private block: Buffer = Buffer.alloc(0);
  private blockStart: number;

  constructor(offset: number) {
    this.heldStart = offset;
    this.blockStart = offset;
  }

  get end(): number {
    return this.blockStart + this.block.length;
  }

  push(block: Buffer): void {
    this.blockStart = this.end;
    this.block = block;
  }

  /** Index of the byte at `offset` in the latest block; negative when it lies before it. */
  indexInBlock(offset: number): number {
    return offset - this.blockStart;
  }

  get latest(): Buffer {
    return this.block;
  }

  /** The byte at `offset`, the first kept or one of the latest block. */
  byteAt(offset: number): number | undefined {
    return offset >= this.blockStart ? this.block[offset - this.blockStart] : this.held[0]?.[0];
  }

  /** The bytes of `[from, to)`; a view, good until the next `push`. */
  slice(from: number, to: number): Buffer {
    if (from >= this.blockStart) return this.block.subarray(from - this.blockStart, to - this.blockStart);
    const all = Buffer.concat([...this.held, this.block]);
    return all.subarray(from - this.heldStart, to - this.heldStart);
  }

  /** Keeps the bytes from `offset` on for later, and forgets those before it. */
  keepFrom(offset: number): void {
    const blockEnd = this.end;
    if (offset >= this.blockStart) {
      this.held = [Buffer.from(this.block.subarray(offset - this.blockStart))];
      this.heldStart = offset;
    } else if (offset === this.heldStart) this.held.push(Buffer.from(this.block));
    else {
      this.held = [Buffer.from(this.slice(offset, blockEnd))];
      this.heldStart = offset;
    }
    this.block = Buffer.alloc(0);
    this.blockStart = blockEnd;
  }
}
