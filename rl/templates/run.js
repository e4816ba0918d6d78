// Hides the sample answers that the chosen filters leave out.
for (const form of document.querySelectorAll("form.filters")) {
  const rows = [...form.parentElement.querySelectorAll("tbody tr")];
  const show = () => {
    const wanted = [...new FormData(form)].filter(([, value]) => value);
    for (const row of rows) row.hidden = wanted.some(([name, value]) => row.dataset[name] !== value);
    form.querySelector("output").value = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  };
  form.addEventListener("change", show);
  show(); // a reloaded page may keep its choices
}
