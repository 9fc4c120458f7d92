/** The viewer's door: reads the element's attributes, learns what there is, and opens the room. */

import { el, icon, listIn } from "../dom";
import { t } from "../i18n";
import { Archive } from "./dicomweb";
import { markPriors, type Study } from "./films";
import { KeyImages } from "./keyimages";
import { Room } from "./room";

export async function mount(host: HTMLElement): Promise<void> {
  const { dataset } = host;
  document.documentElement.dataset.viewer = "loading";
  host.classList.add("viewer");
  const archive = Archive.at(dataset.dicomweb ?? "/dicomweb");
  const named = listIn(dataset.priors);
  const uids = [...new Set([...listIn(dataset.studies), ...named])];
  let studies: Study[];
  try {
    studies = (await Promise.all(uids.map((uid) => archive.study(uid)))).filter((study) => study !== null);
  } catch (error) {
    document.documentElement.dataset.viewer = "error";
    host.prepend(failed());
    console.warn("The list of images could not be fetched", error);
    return;
  }
  markPriors(studies, named);
  const keyImages = new KeyImages("readonly" in dataset ? "" : (dataset.keyImages ?? ""));
  host.replaceChildren();
  const room = new Room(host, archive, studies, keyImages, {
    cpu: "cpu" in dataset,
    subject: { sex: dataset.sex ?? "", born: dataset.born ?? "" },
  });
  await room.begin({
    series: dataset.series,
    instance: dataset.instance,
    frame: dataset.frame ? Number(dataset.frame) : undefined,
  });
}

function failed(): HTMLElement {
  return el(
    "div",
    { class: "nothing", role: "alert" },
    icon("triangle-alert"),
    el("p", {}, t("The list of images could not be fetched. Nothing is lost.")),
    el("button", { type: "button", class: "act", onclick: () => location.reload() }, t("Try again")),
  );
}
