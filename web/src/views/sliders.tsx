/** The settings of the draw as steps of the road from scores to token, each with what it does and its slider. */
import type { Stages } from "../model/sample";
import { fill, words } from "../strings";
import type { Settings } from "../types";
import { decimal, percent } from "./numbers";

type SlidersProps = { settings: Settings; change: (settings: Settings) => void; road: Stages; asInReply: Settings };

export function Sliders({ settings, change, road, asInReply }: SlidersProps) {
  const t = words().next;
  const { temperature, topK, topP } = settings;
  const greedy = temperature === 0;
  return (
    <>
      <li>
        <h3>{t.temperature}</h3>
        <p>{greedy ? t.greedyText : t.temperatureText}</p>
        <Slider name={t.temperature} value={temperature} shown={decimal(temperature, 2)} from={0} to={2} step={0.01}
          change={(temperature) => change({ ...settings, temperature })} />
      </li>
      <li>
        <h3>{t.topK}</h3>
        <p>{greedy ? t.nothingToCut : fill(t.topKText, { left: road.afterTopK })}</p>
        <Slider name={t.topK} value={topK || 100} shown={topK ? String(topK) : t.none} from={1} to={100} step={1}
          disabled={topK === 0} change={(topK) => change({ ...settings, topK })} />
        <label>
          <input type="checkbox" checked={topK === 0}
            onInput={() => change({ ...settings, topK: topK === 0 ? asInReply.topK || 40 : 0 })} />{" "}
          {t.noLimit}
        </label>
      </li>
      <li>
        <h3>{t.topP}</h3>
        <p>{greedy ? t.nothingToCut : fill(t.topPText, { share: percent(topP), left: road.afterTopP })}</p>
        <Slider name={t.topP} value={topP} shown={decimal(topP, 2)} from={0.05} to={1} step={0.01}
          change={(topP) => change({ ...settings, topP })} />
        <p>
          <button class="quiet" onClick={() => change(asInReply)}>
            {t.asInReply}
          </button>
        </p>
      </li>
    </>
  );
}

type SliderProps = {
  name: string;
  value: number;
  shown: string;
  from: number;
  to: number;
  step: number;
  disabled?: boolean;
  change: (value: number) => void;
};

function Slider({ name, value, shown, from, to, step, disabled, change }: SliderProps) {
  return (
    <label class="slider">
      <span>
        {name}: <strong>{shown}</strong>
      </span>
      <input type="range" min={from} max={to} step={step} value={value} disabled={disabled}
        onInput={(event) => change(event.currentTarget.valueAsNumber)} />
    </label>
  );
}
