/** A labelled bar that shows a part of a whole. */
interface MeterProps {
  readonly label: string
  readonly value: string
  /** 0 to 1. */
  readonly part: number
  readonly tone?: 'warn' | 'bad' | 'rest' | undefined
}

export function Meter({ label, value, part, tone }: MeterProps) {
  const percent = Math.round(Math.min(1, Math.max(0, part)) * 100)
  return (
    <div class="meter">
      <div class="label">
        <span>{label}</span>
        <span>{value}</span>
      </div>
      <div
        class="track"
        role="meter"
        aria-label={label}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuetext={value}
      >
        <i class={tone ?? ''} style={{ transform: `scaleX(${percent / 100})` }} />
      </div>
    </div>
  )
}
