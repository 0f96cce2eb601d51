/** Growing up: the training run as a curve with a slider, what it said on the way, and its younger selves. */
import { useEffect, useState } from "preact/hooks";
import { Figure } from "../figure";
import { fill, words } from "../strings";
import type { Growing, ViewProps } from "../types";
import { Curve, nearestMeasured } from "./growing_curve";
import { decimal, whole } from "./numbers";

type Sample = Growing["samples"][0];

type Props = ViewProps & {
  growing: Growing;
  loadModel: (file: string | undefined) => Promise<void>;
  loaded: string | undefined;
  /** Whether a model is on its way. */
  loading: boolean;
};

const MILLISECONDS_A_MOMENT = 900;

export function GrowingView({ growing, loadModel, loaded, loading }: Props) {
  const t = words().growing;
  const [chosen, choose] = useState<number>();
  const { samples } = growing;
  if (samples.length === 0) {
    return (
      <section class="growing">
        <h2>{t.title}</h2>
        <p class="note">{t.noDiary}</p>
      </section>
    );
  }
  const last = samples.length - 1;
  const moment = Math.min(chosen ?? last, last);
  const { step } = samples[moment];
  return (
    <section class="growing">
      <h2>{t.title}</h2>
      <p>{t.intro}</p>
      <Moments steps={samples.map((sample) => sample.step)} moment={moment} choose={choose} />
      {growing.loss.length > 0 && (
        <>
          <h3>{t.curve}</h3>
          <Figure name="loss" data={() => growing.loss}>
            <Curve loss={growing.loss} last={samples[last].step} step={step} />
          </Figure>
          <p>{lossSentence(growing.loss, step)}</p>
        </>
      )}
      <h3>{fill(t.replies, { step: whole(step) })}</h3>
      <Figure name={`replies-after-${step}`} data={() => samples[moment]}>
        <Replies sample={samples[moment]} />
      </Figure>
      {growing.models.length > 0 && <Younger models={growing.models} loadModel={loadModel} loaded={loaded} loading={loading} />}
    </section>
  );
}

function lossSentence(loss: Growing["loss"], step: number): string {
  const measured = nearestMeasured(loss, step);
  const tokens = Math.exp(measured.heldOut);
  return fill(words().growing.loss, {
    step: whole(measured.step),
    loss: decimal(measured.heldOut, 2),
    tokens: tokens < 10 ? decimal(tokens, 1) : whole(Math.round(tokens)),
  });
}

/** The slider, and a button that moves it; who wants less motion gets one moment for each press. */
function Moments({ steps, moment, choose }: { steps: number[]; moment: number; choose: (moment: number) => void }) {
  const t = words().growing;
  const [playing, setPlaying] = useState(false);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const last = steps.length - 1;

  useEffect(() => {
    if (!playing) return;
    if (moment === last) return setPlaying(false);
    const timer = setTimeout(() => choose(moment + 1), MILLISECONDS_A_MOMENT);
    return () => clearTimeout(timer);
  }, [playing, moment, last]);

  function press(): void {
    if (still) return choose(moment === last ? 0 : moment + 1);
    if (!playing && moment === last) choose(0);
    setPlaying(!playing);
  }

  const after = fill(t.after, { step: whole(steps[moment]) });
  return (
    <div class="row growing-moments">
      <button onClick={press}>{still ? t.step : playing ? t.pause : t.play}</button>
      <label>
        {t.moment}{" "}
        <input
          type="range"
          min={0}
          max={last}
          step={1}
          value={moment}
          aria-valuetext={after}
          onInput={(event) => {
            setPlaying(false);
            choose(event.currentTarget.valueAsNumber);
          }}
        />
      </label>
      <span>{after}</span>
    </div>
  );
}

function Replies({ sample }: { sample: Sample }) {
  const t = words().growing;
  return (
    <table class="growing-replies">
      <thead>
        <tr>
          <th scope="col">{t.you}</th>
          <th scope="col">{t.it}</th>
        </tr>
      </thead>
      <tbody>
        {sample.replies.map(({ input, output }, i) => (
          <tr key={i}>
            <th scope="row">{input}</th>
            <td>{output || <span class="note">{t.nothing}</span>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type YoungerProps = Pick<Props, "loadModel" | "loaded" | "loading"> & { models: Growing["models"] };

function Younger({ models, loadModel, loaded, loading }: YoungerProps) {
  const t = words().growing;
  const [failure, setFailure] = useState("");

  async function visit(file: string | undefined): Promise<void> {
    setFailure("");
    try {
      await loadModel(file);
    } catch (error) {
      setFailure(fill(t.failed, { why: error instanceof Error ? error.message : String(error) }));
    }
  }

  const button = (file: string | undefined, name: string) => (
    <li key={file ?? "grown"}>
      <button
        class={file === loaded ? "chosen" : ""}
        aria-pressed={file === loaded}
        disabled={loading}
        onClick={() => void visit(file)}
      >
        {name}
      </button>
    </li>
  );

  return (
    <>
      <h3>{t.visit}</h3>
      <p>{t.visitWhy}</p>
      <ul class="growing-models">
        {models.map(({ step, file, bytes }) =>
          button(file, fill(t.young, { step: whole(step), size: decimal(bytes / 1e6, 1) })),
        )}
        {button(undefined, loaded === undefined ? t.grownNow : t.grown)}
      </ul>
      <p role="status">{loading && t.loading}</p>
      {failure && <p role="alert">{failure}</p>}
    </>
  );
}
