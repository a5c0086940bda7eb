// A layered drawing of a job's graph: sources on the left, every edge to the right, few crossings.
import type { JobEdge, JobNode } from '../api/job';

export interface PlacedNode {
  node: JobNode;
  layer: number;
  x: number;
  y: number;
}

export interface PlacedEdge {
  edge: JobEdge;
  path: string;
}

export interface GraphLayout {
  nodes: PlacedNode[];
  edges: PlacedEdge[];
  width: number;
  height: number;
}

export const NODE_WIDTH = 196;
export const NODE_HEIGHT = 60;
const GAP_X = 100;
const GAP_Y = 18;
const PART_GAP_Y = 30;
const SWEEPS = 8;
const ROUNDS = 24;

interface Vertex {
  /** Index into the job's nodes, or -1 for a bend of an edge that spans several layers. */
  node: number;
  layer: number;
  order: number;
}

/** The longest way from a source; nodes of a cycle (there should be none) stay where the walk met them. */
export function layersOf(nodes: JobNode[], edges: JobEdge[]): number[] {
  const index = new Map(nodes.map((node, i) => [node.id, i]));
  const layer = nodes.map(() => 0);
  for (let round = 0; round < nodes.length; round += 1) {
    let moved = false;
    for (const edge of edges) {
      const from = index.get(edge.from);
      const to = index.get(edge.to);
      if (from === undefined || to === undefined || from === to) continue;
      if (layer[to]! < layer[from]! + 1) {
        layer[to] = layer[from]! + 1;
        moved = true;
      }
    }
    if (!moved) break;
  }
  return layer;
}

/** Parts of the graph that share no edge, in the order of their first nodes. */
export function componentsOf(nodes: JobNode[], edges: JobEdge[]): JobNode[][] {
  const parent = new Map(nodes.map((node) => [node.id, node.id]));
  const root = (id: number): number => {
    let top = id;
    while (parent.get(top) !== top) top = parent.get(top)!;
    return top;
  };
  for (const { from, to } of edges) {
    if (parent.has(from) && parent.has(to)) parent.set(root(to), root(from));
  }
  const parts = new Map<number, JobNode[]>();
  for (const node of nodes) parts.set(root(node.id), [...(parts.get(root(node.id)) ?? []), node]);
  return [...parts.values()];
}

/** Parts stand under each other. */
export function layoutGraph(nodes: JobNode[], edges: JobEdge[]): GraphLayout {
  const whole: GraphLayout = { nodes: [], edges: [], width: 0, height: 0 };
  for (const part of componentsOf(nodes, edges)) {
    const top = whole.height === 0 ? 0 : whole.height + PART_GAP_Y;
    const layout = layoutPart(part, edges, top);
    whole.nodes.push(...layout.nodes);
    whole.edges.push(...layout.edges);
    whole.width = Math.max(whole.width, layout.width);
    whole.height = layout.height;
  }
  return whole;
}

function layoutPart(nodes: JobNode[], edges: JobEdge[], top: number): GraphLayout {
  const layer = layersOf(nodes, edges);
  const index = new Map(nodes.map((node, i) => [node.id, i]));
  const vertices: Vertex[] = nodes.map((_, i) => ({ node: i, layer: layer[i]!, order: i }));
  const links: [number, number][] = [];
  const chains: { edge: JobEdge; chain: number[] }[] = [];
  for (const edge of edges) {
    const from = index.get(edge.from);
    const to = index.get(edge.to);
    if (from === undefined || to === undefined || layer[from]! >= layer[to]!) continue;
    const chain = [from];
    for (let l = layer[from]! + 1; l < layer[to]!; l += 1) {
      vertices.push({ node: -1, layer: l, order: vertices.length });
      chain.push(vertices.length - 1);
    }
    chain.push(to);
    for (let i = 1; i < chain.length; i += 1) links.push([chain[i - 1]!, chain[i]!]);
    chains.push({ edge, chain });
  }
  const layers = orderLayers(vertices, links);
  const y = assignRows(vertices, layers, links, ROUNDS).map((value) => value + top);
  const x = (v: number) => vertices[v]!.layer * (NODE_WIDTH + GAP_X);
  return {
    nodes: nodes.map((node, i) => ({ node, layer: layer[i]!, x: x(i), y: y[i]! })),
    edges: chains.map(({ edge, chain }) => ({ edge, path: pathOf(chain, vertices, x, y) })),
    width: layers.length * (NODE_WIDTH + GAP_X) - GAP_X,
    height: Math.max(...y) + NODE_HEIGHT,
  };
}

/**
 * Barycentre sweeps: every vertex moves to the mean place of its neighbours in the layer before or after; then
 * neighbours in a layer change places where that undoes a crossing. The best order met wins.
 */
function orderLayers(vertices: Vertex[], links: [number, number][]): number[][] {
  const layers: number[][] = [];
  vertices.forEach((vertex, i) => (layers[vertex.layer] ??= []).push(i));
  for (let l = 0; l < layers.length; l += 1) layers[l] ??= [];
  const before = neighbours(vertices.length, links, true);
  const after = neighbours(vertices.length, links, false);
  const renumber = () => layers.forEach((row) => row.forEach((v, i) => (vertices[v]!.order = i)));
  renumber();
  let best = layers.map((row) => [...row]);
  let fewest = crossings(vertices, links);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const next = sweep % 2 === 0 ? before : after;
    for (const row of sweep % 2 === 0 ? layers : [...layers].reverse()) {
      const mean = new Map(row.map((v) => [v, average(next[v]!.map((n) => vertices[n]!.order), vertices[v]!.order)]));
      row.sort((a, b) => mean.get(a)! - mean.get(b)! || vertices[a]!.order - vertices[b]!.order);
      renumber();
    }
    swapNeighbours(vertices, layers, links);
    const now = crossings(vertices, links);
    if (now < fewest) {
      fewest = now;
      best = layers.map((row) => [...row]);
    }
  }
  best.forEach((row) => row.forEach((v, i) => (vertices[v]!.order = i)));
  return best;
}

function crossings(vertices: Vertex[], links: [number, number][]): number {
  let total = 0;
  links.forEach(([a, b], i) => {
    for (const [c, d] of links.slice(i + 1)) {
      if (vertices[a]!.layer !== vertices[c]!.layer) continue;
      const left = vertices[a]!.order - vertices[c]!.order;
      const right = vertices[b]!.order - vertices[d]!.order;
      if (left * right < 0) total += 1;
    }
  });
  return total;
}

function swapNeighbours(vertices: Vertex[], layers: number[][], links: [number, number][]): void {
  let fewest = crossings(vertices, links);
  for (const row of layers) {
    for (let i = 1; i < row.length; i += 1) {
      const [a, b] = [row[i - 1]!, row[i]!];
      vertices[a]!.order = i;
      vertices[b]!.order = i - 1;
      const now = crossings(vertices, links);
      if (now < fewest) {
        fewest = now;
        row[i - 1] = b;
        row[i] = a;
      } else {
        vertices[a]!.order = i - 1;
        vertices[b]!.order = i;
      }
    }
  }
}

function neighbours(size: number, links: [number, number][], before: boolean): number[][] {
  const lists: number[][] = Array.from({ length: size }, () => []);
  for (const [from, to] of links) lists[before ? to : from]!.push(before ? from : to);
  return lists;
}

function average(values: number[], otherwise: number): number {
  return values.length === 0 ? otherwise : values.reduce((a, b) => a + b, 0) / values.length;
}

/** Vertical places: pulled towards the neighbours, pushed apart to keep the gap. */
function assignRows(vertices: Vertex[], layers: number[][], links: [number, number][], rounds: number): number[] {
  const before = neighbours(vertices.length, links, true);
  const after = neighbours(vertices.length, links, false);
  const height = (v: number) => (vertices[v]!.node < 0 ? 14 : NODE_HEIGHT);
  const y = vertices.map(() => 0);
  for (const row of layers) {
    let top = 0;
    for (const v of row) {
      y[v] = top;
      top += height(v) + GAP_Y;
    }
  }
  const middle = (v: number) => y[v]! + height(v) / 2;
  for (let round = 0; round < rounds; round += 1) {
    const next = round % 2 === 0 ? before : after;
    for (const row of round % 2 === 0 ? layers : [...layers].reverse()) {
      const wanted = row.map((v) => average(next[v]!.map(middle), middle(v)) - height(v) / 2);
      spread(row, wanted, height, y);
    }
  }
  const least = Math.min(...y);
  return y.map((value) => Math.round(value - least));
}

/** Places a row at its wanted heights where these leave the gap; blocks that collide share the correction. */
function spread(row: number[], wanted: number[], height: (v: number) => number, y: number[]): void {
  interface Block { first: number; size: number; sum: number; length: number }
  const blocks: Block[] = [];
  row.forEach((v, i) => {
    let block: Block = { first: i, size: 1, sum: wanted[i]!, length: height(v) + GAP_Y };
    for (;;) {
      const previous = blocks[blocks.length - 1];
      if (!previous || previous.sum / previous.size + previous.length <= block.sum / block.size) break;
      blocks.pop();
      block = {
        first: previous.first,
        size: previous.size + block.size,
        sum: previous.sum + block.sum - block.size * previous.length,
        length: previous.length + block.length,
      };
    }
    blocks.push(block);
  });
  for (const block of blocks) {
    let top = block.sum / block.size;
    for (let i = block.first; i < block.first + block.size; i += 1) {
      y[row[i]!] = top;
      top += height(row[i]!) + GAP_Y;
    }
  }
}

function pathOf(chain: number[], vertices: Vertex[], x: (v: number) => number, y: number[]): string {
  const parts: string[] = [];
  chain.forEach((v, i) => {
    const bend = vertices[v]!.node < 0;
    const middle = y[v]! + (bend ? 7 : NODE_HEIGHT / 2);
    if (i === 0) {
      parts.push(`M${x(v) + NODE_WIDTH} ${middle}`);
      return;
    }
    const before = chain[i - 1]!;
    const fromX = x(before) + NODE_WIDTH;
    const fromY = y[before]! + (vertices[before]!.node < 0 ? 7 : NODE_HEIGHT / 2);
    const half = fromX + (x(v) - fromX) / 2;
    parts.push(`C${half} ${fromY} ${half} ${middle} ${x(v)} ${middle}`);
    if (bend) parts.push(`H${x(v) + NODE_WIDTH}`);
  });
  return parts.join(' ');
}
