// Asks for the token once the server wants one.
import { useEffect, useState } from 'preact/hooks';
import { hasToken, isRefused, onRefusal, storeToken } from '../api/token';

export function useRefused(): boolean {
  const [refused, setRefused] = useState(isRefused);
  useEffect(() => onRefusal(() => setRefused(isRefused())), []);
  return refused;
}

export function TokenForm({ stored }: { stored: () => void }) {
  const [text, setText] = useState('');
  const send = (event: Event) => {
    event.preventDefault();
    if (text.trim() === '') return;
    storeToken(text.trim());
    setText('');
    stored();
  };
  return (
    <form class="panel token-form" onSubmit={send}>
      <label for="token">
        {hasToken() ? 'This token is not accepted. Give another one.' : 'This server wants a token.'}
      </label>
      <input
        id="token"
        name="token"
        type="password"
        autocomplete="off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="text-button">
        Use token
      </button>
      <p class="note">
        One of the file that the server was started with (--tokens); role read is enough. This tab keeps it.
      </p>
    </form>
  );
}
