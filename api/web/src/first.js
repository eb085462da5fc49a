import "./first.css";

// The first page: a map of the districts to click on, and the answer to "who covers this place".
const canvas = document.getElementById("map");
const pen = canvas.getContext("2d");
const result = document.getElementById("result");
let language = navigator.language.startsWith("zh") ? "zh" : "en";
let city, districts = [], pin = null;

const words = {
  outside: ["不在市域内，最近的网格", "Outside the city; the nearest cell is"],
  edge: ["距网格边界", "to the nearest edge"],
  ambiguous: ["位置不够精确，也可能属于", "Too near an edge to be sure; it may also be in"],
  ladder: ["依次拨打", "Whom to call, in this order"],
  degraded: ["数据库暂不可用，数据截至", "The database is away; data as of"],
  exact: ["唯一地址", "One address"],
  same_desk: ["都由同一值班室负责", "Whatever is meant, one desk answers"],
  several_desks: ["可能是几处，请追问；暂拨", "Several places may be meant, ask on; until then call"],
  not_found: ["没有找到这个地址，请拨", "This address was not found; call"],
  similar: ["相近的名称", "Names one character away"],
  unstaffed: ["未登记值班人", "nobody recorded on shift"],
};
const say = (name) => words[name][language === "zh" ? 0 : 1];

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// Longitudes are shortened by the cosine of the city's middle latitude, so that shapes look as they are.
function projection() {
  const [west, south, east, north] = city.bounds;
  const squeeze = Math.cos(((south + north) / 2) * Math.PI / 180);
  const scale = Math.min(canvas.width / ((east - west) * squeeze), canvas.height / (north - south)) * 0.98;
  return {
    to: ([lon, lat]) => [(lon - west) * squeeze * scale + 8, (north - lat) * scale + 8],
    from: (x, y) => [(x - 8) / (squeeze * scale) + west, north - (y - 8) / scale],
  };
}

function draw() {
  const colours = getComputedStyle(document.documentElement);
  const project = projection();
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.lineWidth = 2;
  pen.strokeStyle = colours.getPropertyValue("--line");
  pen.fillStyle = colours.getPropertyValue("--fill");
  for (const district of districts) {
    for (const polygon of district.geometry.coordinates) {
      pen.beginPath();
      for (const ring of polygon) {
        ring.forEach((point, i) => (i ? pen.lineTo(...project.to(point)) : pen.moveTo(...project.to(point))));
        pen.closePath();
      }
      pen.fill("evenodd");
      pen.stroke();
    }
  }
  pen.fillStyle = colours.getPropertyValue("--ink");
  pen.font = "26px system-ui, 'Noto Sans CJK SC', sans-serif";
  pen.textAlign = "center";
  for (const { properties, label, width } of districts) {
    // a name is drawn where there is room for it
    if (pen.measureText(properties.name).width < project.to([city.bounds[0] + width, 0])[0] - 8) {
      pen.fillText(properties.name, ...project.to(label));
    }
  }
  if (pin) {
    const [x, y] = project.to(pin);
    pen.fillStyle = colours.getPropertyValue("--accent");
    pen.beginPath();
    pen.arc(x, y, 11, 0, 2 * Math.PI);
    pen.fill();
  }
}

// Where to write an area's name, and how many degrees wide the area is.
function place(geometry) {
  const outer = geometry.coordinates.map((polygon) => polygon[0]).sort((a, b) => b.length - a.length)[0];
  const [lons, lats] = [outer.map((point) => point[0]), outer.map((point) => point[1])];
  const [west, east] = [Math.min(...lons), Math.max(...lons)];
  return { label: [(west + east) / 2, (Math.min(...lats) + Math.max(...lats)) / 2], width: east - west };
}

async function ask(lon, lat, crs) {
  const response = await fetch(`v1/coverage?${new URLSearchParams({ lon, lat, crs })}`);
  const answer = await response.json();
  result.replaceChildren();
  if (!response.ok) {
    result.append(element("p", answer.detail, "warning"));
    return;
  }
  pin = [answer.point.lon, answer.point.lat];
  draw();
  show(answer);
}

async function askAddress(address) {
  const response = await fetch(`v1/coverage?${new URLSearchParams({ address })}`);
  const answer = await response.json();
  result.replaceChildren();
  if (!response.ok) {
    result.append(element("p", answer.detail, "warning"));
    return;
  }
  result.append(element("h2", `${say(answer.status)}: ${answer.desk.title} ${answer.desk.phone}`));
  for (const one of answer.ask) {
    result.append(element("p", `${language === "zh" ? one.zh : one.en} ${one.options.join(" · ")}`, "warning"));
  }
  for (const group of answer.groups) {
    result.append(element("h3", `${group.desk.title} ${group.desk.phone}`));
    for (const one of group.candidates) {
      const places = one.areas.map((area) => area.name).join(" ‹ ");
      result.append(element("p", `${one.text} (${Math.round(one.score * 100)} %) ${one.cell?.code ?? ""} ${places}`));
    }
  }
  if (answer.similar.length) result.append(element("p", `${say("similar")}: ${answer.similar.join(" · ")}`));
  const first = answer.groups[0]?.candidates[0];
  pin = first ? [first.point.lon, first.point.lat] : null;
  draw();
  if (answer.coverage) show(answer.coverage);
}

function show(answer) {
  if (answer.degraded) {
    result.append(element("p", `${say("degraded")} ${new Date(answer.degraded.data_as_of).toLocaleString(language)}`, "warning"));
  }
  if (answer.cell) {
    result.append(element("h2", `${answer.cell.name} ${answer.cell.code}`));
    result.append(element("p", answer.areas.map((area) => area.name).join(" ‹ ")));
    result.append(element("p", `${answer.edge_distance_m.toFixed(1)} m ${say("edge")}`));
  } else {
    result.append(element("h2", `${say("outside")} ${answer.nearest.code}, ${(answer.nearest.distance_m / 1000).toFixed(1)} km`));
  }
  if (answer.ambiguous) {
    const others = answer.candidates.slice(answer.cell ? 1 : 0).map((one) => one.code).join(", ");
    result.append(element("p", `${say("ambiguous")} ${others}`, "warning"));
  }
  result.append(element("h2", say("ladder")));
  const table = element("table");
  for (const rung of answer.ladder) {
    const row = element("tr");
    row.append(element("td", rung.title), element("td", rung.phone, "phone"), element("td", rung.holder ?? say("unstaffed")));
    table.append(row);
  }
  result.append(table);
}

function translate() {
  document.documentElement.lang = language;
  for (const each of document.querySelectorAll("[data-zh]")) each.textContent = each.dataset[language];
  document.getElementById("language").textContent = language === "zh" ? "English" : "中文";
  document.getElementById("notice").textContent = city?.notice[language] ?? "";
}

document.getElementById("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  translate();
});
document.getElementById("address").addEventListener("submit", (event) => {
  event.preventDefault();
  askAddress(new FormData(event.target).get("address").trim());
});
document.getElementById("lookup").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = new FormData(event.target);
  ask(given.get("lon").trim(), given.get("lat").trim(), given.get("crs"));
});
canvas.addEventListener("click", (event) => {
  const ratio = canvas.width / canvas.clientWidth;
  const [lon, lat] = projection().from(event.offsetX * ratio, event.offsetY * ratio);
  ask(lon.toFixed(6), lat.toFixed(6), "wgs84");
});

translate();
city = await (await fetch("v1/city")).json();
const level = city.levels[1];
const answer = await (await fetch(`v1/areas?${new URLSearchParams({ level, f: "geojson" })}`)).json();
districts = answer.features.map((feature) => ({ ...feature, ...place(feature.geometry) }));
document.getElementById("name").textContent = language === "zh" || !city.name_en ? city.name : city.name_en;
document.getElementById("attribution").textContent = city.attribution;
canvas.height = Math.round(canvas.width * (city.bounds[3] - city.bounds[1])
  / ((city.bounds[2] - city.bounds[0]) * Math.cos(city.bounds[1] * Math.PI / 180)));
translate();
draw();
