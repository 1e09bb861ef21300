/* html_style.c: the style sheet: one column of text, drawings in a grid that becomes one column on a phone, colours that the colour-blind can
 * tell apart (Okabe & Ito) and that keep a contrast of 4.5 to 1 where they carry text. */
#include "report/html_priv.h"

static const char *const style[] = {
    ":root{--ink:#1c2530;--soft:#56616d;--rule:#dde2e7;--wash:#f5f7f9;--blue:#0a6aa8;--orange:#b84a00;--good:#19723f;--watch:#8a5a00;--bad:#b3261e;color-scheme:light}\n",
    "*{box-sizing:border-box}\n",
    "html{-webkit-text-size-adjust:100%}\n",
    "body{margin:0;color:var(--ink);background:#fff;font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;overflow-wrap:anywhere}\n",
    "main,header,footer,nav{max-width:62rem;margin:0 auto;padding:0 1.25rem}\n",
    "header{padding-top:2.5rem}\n",
    "h1{font-size:1.9rem;line-height:1.2;margin:0 0 .4rem;letter-spacing:-.01em}\n",
    "h2{font-size:1.35rem;margin:3rem 0 .6rem;padding-top:.9rem;border-top:1px solid var(--rule)}\n",
    "h3{font-size:1.02rem;margin:1.5rem 0 .4rem}\n",
    "p,ul,pre{margin:.6rem 0}p,li{max-width:46rem}\n",
    ".lead{color:var(--soft);margin:.2rem 0 1.2rem}\n",
    ".small,figcaption{font-size:.86rem;color:var(--soft)}\n",
    "a{color:var(--blue)}a:focus-visible,summary:focus-visible{outline:3px solid var(--blue);outline-offset:2px}\n",
    "nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;padding:0;font-size:.92rem}\n",
    ".skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:#fff;padding:.4rem}\n",
    "code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:.88em}\n",
    "pre{background:var(--wash);padding:.7rem .9rem;border-radius:6px;display:inline-block;min-width:100%;overflow-wrap:normal}\n",
    ".scroll{overflow-x:auto;max-width:100%}\n",
    "math{font-size:1.1em}.eq{padding:.3rem 0;overflow-wrap:normal}.eq math{width:max-content;margin:0;text-align:left}.v{font-style:normal}\n",
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.92rem;margin:.6rem 0;overflow-wrap:normal}\n",
    "th,td{padding:.34rem .75rem;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}\n",
    "thead th{border-bottom:2px solid var(--soft);font-weight:600}\n",
    "th:first-child{text-align:left;padding-left:0;font-weight:400}thead th:first-child{font-weight:600}\n",
    ".plain td{text-align:left;white-space:normal;overflow-wrap:anywhere}.plain th{color:var(--soft);vertical-align:top}\n",
    "tr.doubt>*{background:#fdf1ef;color:#8c1d18}\n",
    ".says{padding-left:1.1rem}.says li{margin:.35rem 0}\n",
    ".verdict{display:flex;gap:.8rem;align-items:center;border:1px solid var(--rule);border-left:6px solid var(--good);border-radius:6px;padding:.8rem 1rem;margin:1rem 0;background:var(--wash)}\n",
    ".verdict.watch{border-left-color:var(--watch)}.verdict.bad{border-left-color:var(--bad)}\n",
    ".verdict p{margin:0}\n",
    ".note{border-left:4px solid var(--watch);padding:.3rem .8rem;background:var(--wash)}\n",
    ".lights{list-style:none;padding:0}.lights li{display:flex;gap:.8rem;padding:.55rem 0;border-bottom:1px solid var(--rule);max-width:none}.lights div{max-width:46rem}\n",
    ".lamp{flex:none;width:1.6rem;height:1.6rem;border-radius:50%;color:#fff;font-weight:700;text-align:center;line-height:1.6rem;background:#6b7480}\n",
    ".good .lamp{background:var(--good)}.watch .lamp{background:var(--watch)}.bad .lamp{background:var(--bad)}\n",
    ".word{font-size:.82rem;font-weight:600;color:#56616d;margin-left:.3rem}.good .word{color:var(--good)}.watch .word{color:var(--watch)}.bad .word{color:var(--bad)}\n",
    ".todo{color:var(--ink);font-weight:500}\n",
    "figure{margin:1.2rem 0;display:grid;gap:.9rem 1.4rem;align-items:start}\n",
    "figure.grid{grid-template-columns:repeat(auto-fill,minmax(min(17.5rem,100%),1fr))}\n",
    "figure.pair{grid-template-columns:repeat(auto-fill,minmax(min(20rem,100%),1fr))}\n",
    "figure.panels{grid-template-columns:repeat(auto-fill,minmax(min(9.2rem,46%),1fr));gap:.7rem .8rem}\n",
    "figure.one svg{max-width:32rem}figure.pair svg{max-width:27rem}\n",
    "figcaption{grid-column:1/-1;max-width:46rem}\n",
    "svg{width:100%;height:auto;display:block;overflow:visible}\n",
    "svg text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:11px;fill:#56616d}\n",
    "svg .title{font-size:12px;font-weight:600;fill:#1c2530}svg .label{font-size:11.5px;fill:#1c2530}\n",
    "svg path{fill:none}.axis{stroke:#8a949e;stroke-width:1}.grid path.grid,path.grid{stroke:#e7ebee;stroke-width:1}\n",
    ".post{stroke:#0a6aa8;stroke-width:2;stroke-linejoin:round}svg .fill{fill:#0a6aa8;fill-opacity:.14;stroke:none}\n",
    ".prior{stroke:#56616d;stroke-width:1.5;stroke-dasharray:5 4}\n",
    ".bar{stroke:#0a6aa8;stroke-width:2.5;stroke-linecap:round}.dot{fill:#0a6aa8;stroke:#fff;stroke-width:1}.dot.near{fill:#fff;stroke:#0a6aa8;stroke-width:1.4}\n",
    ".reml,.rbar{stroke:#b84a00;stroke-width:2}.rdot{fill:#b84a00;stroke:#fff;stroke-width:1}\n",
    ".zero{stroke:#8a949e;stroke-width:1;stroke-dasharray:2 3}\n",
    ".cbar{stroke:#8fb3cc;stroke-width:1.6}.cbar.far{stroke:#0a6aa8}\n",
    ".pts{stroke:#1c2530;stroke-opacity:.45;stroke-width:3.6;stroke-linecap:round}\n",
    ".pts.many{stroke:#9aa4ad;stroke-opacity:1;stroke-width:2.2}\n",
    ".spaghetti{stroke:#0a6aa8;stroke-width:1;stroke-opacity:.45}\n",
    ".rep{stroke:#0a6aa8;stroke-width:1;stroke-opacity:.35}.obs{stroke:#1c2530;stroke-width:2.4}\n",
    ".trace{stroke-width:1;stroke-opacity:.85;stroke-linejoin:round}\n",
    ".c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#009e73}.c3{stroke:#cc79a7}.c4{stroke:#56b4e9}.c5{stroke:#e69f00}.c6{stroke:#333}.c7{stroke:#999}\n",
    ".key{font-size:.86rem;color:var(--soft)}.key span{display:inline-block;width:1.1rem;height:.25rem;vertical-align:middle;margin:0 .3rem 0 .6rem}\n",
    ".k0{background:#0072b2}.k1{background:#d55e00}.k2{background:#009e73}.k3{background:#cc79a7}.k4{background:#56b4e9}.k5{background:#e69f00}.k6{background:#333}.k7{background:#999}\n",
    "details{margin:.6rem 0}summary{cursor:pointer;color:var(--blue)}\n",
    "footer{margin-top:3rem;padding-top:1rem;padding-bottom:3rem;color:var(--soft);font-size:.86rem;border-top:1px solid var(--rule)}\n",
    "@media (max-width:40rem){header{padding-top:1.4rem}h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.2rem}main,header,footer,nav{padding-left:1rem;padding-right:1rem}"
    "th,td{padding:.3rem .5rem}}\n",
    "@media print{@page{margin:18mm}body{font-size:10.5pt}nav,.skip{display:none}main,header,footer{max-width:none;padding:0}a{color:inherit;text-decoration:none}"
    "figure,tr,.verdict,.lights li{break-inside:avoid}h2,h3{break-after:avoid}.scroll{overflow:visible}table{font-size:.8rem}figure.one svg{max-width:24rem}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}"
    "figure.grid{grid-template-columns:repeat(3,1fr)}figure.pair{grid-template-columns:repeat(2,1fr)}figure.panels{grid-template-columns:repeat(6,1fr)}}\n"
};

void bm_html_style(bm_buf *b)
{
    for (size_t i = 0; i < sizeof style / sizeof *style; i++) bm_buf_puts(b, style[i]);
}
