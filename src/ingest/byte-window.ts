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
    if (from < this.blockStart) this.join();
    return this.block.subarray(from - this.blockStart, to - this.blockStart);
  }

  /** Makes one block of all that is kept: done once, however many slices of it are asked for. */
  private join(): void {
    this.block = Buffer.concat([...this.held, this.block]);
    this.blockStart = this.heldStart;
    this.held = [];
  }

  /** Keeps the bytes from `offset` on for later, and forgets those before it; it lies in the block, or is kept already. */
  keepFrom(offset: number): void {
    const blockEnd = this.end;
    if (offset >= this.blockStart) {
      this.held = [Buffer.from(this.block.subarray(offset - this.blockStart))];
      this.heldStart = offset;
    } else this.held.push(Buffer.from(this.block));
    this.block = Buffer.alloc(0);
    this.blockStart = blockEnd;
  }
}
