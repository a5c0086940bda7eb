// A choice among a few: native radio buttons, so that arrow keys and screen readers work as always.

interface Props<T extends string> {
  legend: string;
  name: string;
  value: T;
  options: { value: T; label: string; name?: string }[];
  onChange: (value: T) => void;
}

export function Segmented<T extends string>({ legend, name, value, options, onChange }: Props<T>) {
  return (
    <fieldset class="segmented">
      <legend class="visually-hidden">{legend}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            aria-label={option.name ?? option.label}
            onChange={() => onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
