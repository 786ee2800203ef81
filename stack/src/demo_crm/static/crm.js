// Shows at once what changed elsewhere: the server says of which customer, and the page fetches itself anew.
// Everything works without it.
const mine = document.body.dataset.customer;
let underWay = false;
let again = false;

async function refresh() {
  if (underWay) {
    again = true;
    return;
  }
  underWay = true;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    if (answer.status === 404) {
      location.assign("/");
      return;
    }
    if (answer.ok) {
      replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
  } catch {
    // the server is being restarted; the stream tells when it is back
  } finally {
    underWay = false;
    if (again) {
      again = false;
      refresh();
    }
  }
}

function replace(fresh) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(old.id);
    if (!now || now.innerHTML === old.innerHTML) {
      continue;
    }
    const before = new Map([...old.querySelectorAll("[data-kind]")].map((one) => [key(one), one.textContent]));
    old.innerHTML = now.innerHTML;
    for (const one of old.querySelectorAll("[data-kind]")) {
      one.classList.toggle("changed", before.has(key(one)) && before.get(key(one)) !== one.textContent);
    }
  }
  filter();
}

function key(one) {
  return `${one.closest("[data-customer]")?.dataset.customer} ${one.dataset.kind}`;
}

const typed = document.getElementById("filter");

function filter() {
  const words = typed ? typed.value.toLocaleLowerCase().split(/\s+/) : [];
  for (const row of document.querySelectorAll("tr[data-customer]")) {
    const text = row.textContent.toLocaleLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
}

if (typed) {
  typed.closest("p").hidden = false;
  typed.addEventListener("input", filter);
}

if (document.querySelector("[data-live]:not(#state)")) {
  const stream = new EventSource("/stream");
  let lost = false;
  stream.addEventListener("changed", (event) => {
    if (!mine || JSON.parse(event.data).customer === mine) {
      refresh();
    }
  });
  stream.addEventListener("error", () => {
    lost = true;
  });
  stream.addEventListener("open", () => {
    if (lost) {
      lost = false;
      refresh();
    }
  });
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) {
      location.reload();
    }
  });
}
