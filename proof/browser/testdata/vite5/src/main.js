import { title } from "./title.js";

const heading = document.body.appendChild(document.createElement("h2"));
heading.innerText = title;
count.onclick = () => count.innerText++;
import.meta.hot.accept("./title.js", (newer) => (heading.innerText = newer.title));
