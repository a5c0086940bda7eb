// The token that a server may want. Kept for this tab only; sent with every request and nowhere else.

const KEY = 'rideflow.token';
let refused = false;
let listeners: (() => void)[] = [];

export function authorization(): Record<string, string> {
  const token = read();
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

function read(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return memory;
  }
}

let memory: string | null = null;

export function storeToken(token: string): void {
  memory = token;
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // Storage may be refused; the token then lasts as long as the page.
  }
}

export function hasToken(): boolean {
  return read() !== null;
}

/** Whether the last answer was 401: the server wants a token, or another one. */
export function isRefused(): boolean {
  return refused;
}

export function noteAnswer(status: number): void {
  const now = status === 401;
  if (now === refused) return;
  refused = now;
  for (const listener of listeners) listener();
}

export function onRefusal(listener: () => void): () => void {
  listeners = [...listeners, listener];
  return () => {
    listeners = listeners.filter((l) => l !== listener);
  };
}
