# Rscript model_matrix_reference.R mixed.csv OUT [COUNT [SEED]]: what R's model.matrix and lme4 make of formulas on the table mixed.csv: chosen ones with
# the numbers of X, and COUNT random ones (R's operators nested at random) with the names of its columns. Made with R 4.2.2, lme4 1.1-31.
suppressPackageStartupMessages(library(lme4))

arg <- commandArgs(TRUE)
count <- if (length(arg) > 2) as.integer(arg[3]) else 250L
set.seed(if (length(arg) > 3) as.integer(arg[4]) else 1L)
invisible(Sys.setlocale("LC_COLLATE", "C"))
d <- read.csv(arg[1], check.names = FALSE, stringsAsFactors = TRUE, na.strings = c("NA", ""))

use_contrasts <- function(kind) options(contrasts = c(paste0("contr.", kind), "contr.poly"))

# X in the complete rows of all variables, as lm makes it
fixed <- function(formula) {
  mf <- model.frame(formula, d, drop.unused.levels = TRUE)
  model.matrix(terms(mf), mf)
}

# and as lmer does, with its groups: name=levels=effects=labels;...
mixed <- function(formula) {
  l <- suppressWarnings(suppressMessages(lFormula(formula, d, control = lmerControl(check.nobs.vs.nlev = "ignore",
    check.nobs.vs.nRE = "ignore", check.nobs.vs.rankZ = "ignore", check.rankX = "ignore"))))
  r <- l$reTrms
  one <- function(i) {
    fac <- r$flist[[attr(r$flist, "assign")[i]]]
    paste(names(r$cnms)[i], nlevels(fac), paste(r$cnms[[i]], collapse = "|"), paste(levels(fac), collapse = ","), sep = "=")
  }
  list(X = l$X, groups = paste(vapply(seq_along(r$cnms), one, ""), collapse = ";"))
}

out <- file(arg[2], "w")
write_row <- function(...) writeLines(paste0('"', gsub('"', '""', c(...)), '"', collapse = ","), out)
add <- function(text, kind, values, bars = FALSE) {
  use_contrasts(kind)
  l <- if (bars) mixed(as.formula(text)) else list(X = fixed(as.formula(text)), groups = "")
  write_row(text, kind, nrow(l$X), paste(colnames(l$X), collapse = ";"), if (values) paste(sprintf("%.15g", c(l$X)), collapse = " ") else "", l$groups)
}

write_row("formula", "contrasts", "n", "names", "values", "groups")

chosen <- c("y ~ x", "y ~ x * g", "y ~ 0 + g", "y ~ g - 1 + f", "y ~ f:g", "y ~ 0 + f:g + x", "y ~ f * g * h", "y ~ (f + g + h)^2 - f:h", "y ~ f / g",
  "y ~ f / (g + x)", "y ~ g %in% f", "y ~ f + g %in% f + x:f", "y ~ x:f - 1", "y ~ x:g:f + z", "y ~ scale(x) + scale(z):f",
  "y ~ scale(x, scale = FALSE) + scale(z, center = FALSE)", "y ~ log(z) + log2(z) + log10(z + 1) + log(z, 3) + log1p(z) + exp(x / 2) + sqrt(z) + abs(x)",
  "y ~ factor(k) * x", "y ~ I(x^2) + I(x - z) + I(-x^2) + I(x %% 2) + I(z %/% 2) + I(2 * x / z)", "y ~ I(x > 0) * f", "y ~ 0 + I(x > 0 & z < 2)",
  "y ~ I(g == 'b') + I(f != \"u\")", "y ~ l * x", "y ~ 0 + l + g", "y ~ `odd name` * g", "y ~ h + `odd name`:h", "y ~ m + x", "y ~ m:gm + f", "y ~ gm * f",
  "y ~ scale(m) + x", "y ~ factor(k):f - 1", "y ~ x + offset(z) + g", "y ~ I(x * 1e5) + I(x * 0.0001) + I(x * 123456) + I(x + 0.1)", "log(y + 10) ~ x",
  "y ~ sin(2 * x) + cos(2 * x) + tanh(x) + floor(z) + ceiling(z) + round(z) + expm1(x) + sign(x)", "y ~ I(!x > 0) + I(x <= 0 | z >= 2)",
  "y ~ factor(x > 0) + I(f)", "y ~ (x + z)^3 + x^2", "y ~ f + (0 + x)", "y ~ x * (f - 1)", "y ~ -1 + f + g", "y ~ f*g - f", "y ~ g:x + h:x - 1")
random <- c("y ~ x + (1 | g)", "y ~ x + (x | g)", "y ~ x + (g | h)", "y ~ x + (0 + g | h)", "y ~ x + (f * x | h)", "y ~ x + (x | g:f)", "y ~ x + (f:g | h)",
  "y ~ x + (I(x^2) + scale(z) | k)", "y ~ x + (-1 + x + f | k)", "y ~ x + (x | g) + (l | h)", "y ~ m + (1 | gm)", "y ~ 1 + (x | k:g:f)", "y ~ 0 + (x - 1 | h)")
for (kind in c("treatment", "sum", "helmert")) {
  for (text in if (kind == "treatment") chosen else grep("[fghkl]", chosen, value = TRUE)) add(text, kind, TRUE)
  for (text in random) add(text, kind, FALSE, bars = TRUE)
}

leaves <- c("x", "z", "f", "g", "h", "l", "factor(k)", "I(x^2)", "`odd name`")
tree <- function(depth) {
  if (depth == 0 || runif(1) < 0.2) return(sample(leaves, 1))
  a <- tree(depth - 1)
  b <- tree(depth - 1)
  op <- sample(c("+", "+", "-", "*", ":", "/", "%in%", "^", "0"), 1)
  labels <- function(text) tryCatch(attr(terms(as.formula(paste("~", text))), "term.labels"), error = function(e) NULL)
  if (op == "-" && length(labels(paste(a, "-", b))) == 0) op <- "+"     # R 4.2 goes astray in operations on no terms at all
  text <- switch(op, "^" = paste0("(", a, ")^", sample(1:3, 1)), "0" = paste0("(", sample(c("0 + ", "1 + ", "-1 + "), 1), a, ")"), paste(a, op, b))
  if (runif(1) < 0.5) paste0("(", text, ")") else text
}
made <- 0
while (made < count) {
  text <- paste("y ~", tree(3))
  kind <- sample(c("treatment", "sum", "helmert"), 1)
  use_contrasts(kind)
  X <- tryCatch(fixed(as.formula(text)), error = function(e) NULL)
  if (is.null(X) || ncol(X) > 60) next             # what R cannot do is no reference
  add(text, kind, FALSE)
  made <- made + 1
}
close(out)
