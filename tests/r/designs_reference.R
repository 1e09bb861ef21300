# References for tests/data/reml/designs-*.json: grouping factors that are disconnected, nearly confounded, and nested but written as crossed beside a
# crossed one. Simulates tests/data/designs.csv; run in tests/data.
suppressMessages({library(lme4); library(jsonlite)})
set.seed(20261126)
n <- 300; x <- round(rnorm(n), 3); half <- rep(1:2, each = n / 2)
a <- sprintf("a%02d", 8 * (half - 1) + sample(8, n, TRUE, prob = 8:1)); b <- sprintf("b%02d", 6 * (half - 1) + sample(6, n, TRUE))
c <- paste0(a, sample(c("u", "v", "w"), n, TRUE))
g <- sample(30, n, TRUE); h <- g; move <- sample(n, 12); h[move] <- g[move] %% 30 + 1
g <- sprintf("g%02d", g); h <- sprintf("h%02d", h)
eff <- function(f, sd) { f <- factor(f); rnorm(nlevels(f), 0, sd)[f] }
y1 <- round(1 + 0.4 * x + eff(a, 0.8) + eff(b, 0.5) + rnorm(n), 4)
y2 <- round(1 + 0.4 * x + eff(g, 0.9) + eff(h, 0.6) + rnorm(n), 4)
y3 <- round(1 + 0.4 * x + eff(a, 0.8) + eff(c, 0.6) + eff(b, 0.5) + rnorm(n), 4)
d <- data.frame(y1, y2, y3, x, a, b, c, g, h)
write.csv(d, "designs.csv", row.names = FALSE, quote = FALSE)
d <- read.csv("designs.csv", stringsAsFactors = TRUE)
one <- function(name, formula) {
  ctl <- list(nlopt = lmerControl("nloptwrap", calc.derivs = FALSE, optCtrl = list(xtol_abs = 1e-13, ftol_abs = 1e-13, xtol_rel = 0, maxeval = 5000)),
              bobyqa = lmerControl("bobyqa", calc.derivs = FALSE, optCtrl = list(rhoend = 1e-12, maxfun = 20000)),
              nelder = lmerControl("Nelder_Mead", calc.derivs = FALSE, optCtrl = list(FtolAbs = 1e-14, XtolRel = 1e-14, maxfun = 20000)))
  fits <- lapply(ctl, function(k) lmer(as.formula(formula), d, control = k))
  crit <- sapply(fits, REMLcrit); m <- fits[[which.min(crit)]]
  cat(name, sprintf("%.10f", crit), "\n")
  vc <- as.data.frame(VarCorr(m)); grp <- names(ngrps(m)); s <- summary(m)$coefficients
  re <- ranef(m, condVar = TRUE)
  lv <- function(G, f) setNames(lapply(seq_len(nrow(re[[G]])), function(i) list(`(Intercept)` = f(G, i))), rownames(re[[G]]))
  out <- list(name = name, data = "designs.csv", formula = formula, family = "gaussian", link = "identity", factors = list(), contrasts = "treatment",
    method = "REML", software = paste("lme4", packageVersion("lme4")), n_obs = nrow(d), n_groups = as.list(ngrps(m)), fixef_names = rownames(s),
    fixef = setNames(lapply(rownames(s), function(k) list(estimate = s[k, 1], se = s[k, 2])), rownames(s)), vcov = as.matrix(vcov(m)),
    sd = setNames(lapply(grp, function(k) list(`(Intercept)` = vc$sdcor[vc$grp == k])), grp), cor = setNames(list(), character()), sigma = sigma(m),
    criterion = min(crit), logLik = as.numeric(logLik(m)), n_par = attr(logLik(m), "df"), AIC = AIC(m), BIC = BIC(m), singular = isSingular(m),
    ranef = setNames(lapply(grp, function(G) lv(G, function(G, i) re[[G]][i, 1])), grp),
    ranef_se = setNames(lapply(grp, function(G) lv(G, function(G, i) sqrt(attr(re[[G]], "postVar")[1, 1, i]))), grp),
    tolerance_note = sprintf("criterion agrees to %.1e over 3 tight optimisers", diff(range(crit))))
  write(toJSON(out, auto_unbox = TRUE, digits = NA, pretty = TRUE), paste0("reml/", name, ".json"))
}
one("designs-disconnected", "y1 ~ x + (1 | a) + (1 | b)")
one("designs-confounded", "y2 ~ x + (1 | g) + (1 | h)")
one("designs-nested-crossed", "y3 ~ x + (1 | a) + (1 | c) + (1 | b)")
