// Maths that Markdown left as text in elements of class "arithmatex".
document.querySelectorAll(".arithmatex").forEach((element) => {
  const isBlock = element.tagName === "DIV";
  const text = element.textContent.trim().replace(/^\\[([]|\\[)\]]$/g, "");
  katex.render(text, element, { displayMode: isBlock, throwOnError: false });
});
