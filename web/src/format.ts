// Numbers and times as people read them.
export const seconds = (value: number | null | undefined): string => {
  if (value === null || value === undefined || value < 0) return "–";
  if (value === 0) return "0 s";
  if (value < 0.001) return `${(value * 1e6).toFixed(0)} µs`;
  if (value < 1) return `${Number((value * 1000).toPrecision(3))} ms`;
  if (value < 100) return `${Number(value.toPrecision(3))} s`;
  return duration(value);
};

export const duration = (value: number): string => {
  const whole = Math.round(value);
  const h = Math.floor(whole / 3600), m = Math.floor((whole % 3600) / 60), s = whole % 60;
  if (h > 0) return `${h} h ${m} min`;
  return m > 0 ? `${m} min ${s} s` : `${s} s`;
};

export const count = (value: number): string => Math.round(value).toLocaleString("en");
export const percent = (value: number): string =>
  value === 1 ? "100 %" : `${(Math.floor(value * 1000) / 10).toFixed(1)} %`; // 99.96 % is not 100 %
export const clock = (ms: number, withSeconds = true): string =>
  new Date(ms).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...(withSeconds && { second: "2-digit" }) });
export const ago = (ms: number, now: number): string => {
  const s = Math.max(0, (now - ms) / 1000);
  return s < 2 ? "Just now" : `${duration(s)} ago`;
};
export const plural = (n: number, one: string, many = one + "s"): string => `${count(n)} ${n === 1 ? one : many}`;
