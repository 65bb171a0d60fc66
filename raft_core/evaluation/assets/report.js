for (const section of document.querySelectorAll("section.changes")) {
  const [words, change, type] = section.querySelectorAll(".filter > *");
  const rows = [...section.querySelectorAll("details")];
  const count = section.querySelector(".count");
  const apply = () => {
    const wanted = words.value.trim().toLowerCase();
    for (const row of rows) {
      row.hidden = (change.value && row.dataset.change !== change.value)
        || (type.value && row.dataset.type !== type.value)
        || (wanted && !row.textContent.toLowerCase().includes(wanted));
    }
    count.textContent = rows.filter((row) => !row.hidden).length + " of " + rows.length + " shown";
  };
  for (const control of [words, change, type]) control.addEventListener("input", apply);
  apply();
}
