// Page with fetch-event-source.

import { fetchEventSource } from "@microsoft/fetch-event-source";

const show = (text) => {
    document.getElementById("news").textContent = text;
};

fetchEventSource("/events", {
    headers: { Authorization: "Bearer …" },
    onopen: () => show("open"),
    onmessage: (event) => show(event.data),
    onclose: () => show("lost"),
    onerror: () => show("lost"),
});
