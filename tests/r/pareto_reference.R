# Writes pareto_reference.csv (to the file named on the command line): the Pareto k that R's loo finds in log weights that tests/test_draws.c
# makes anew from the same uniform numbers (see posterior_reference.R).
suppressPackageStartupMessages(library(loo))

unifs <- function(n, seed) {
  u <- numeric(n)
  state <- seed
  for (i in seq_len(n)) {
    state <- (state * 16807) %% 2147483647
    u[i] <- state / 2147483648
  }
  u
}

shape <- list(
  pareto  = function(u, a) -a * log(u),                       # weights u^-a: shape a
  bounded = function(u, a) a * u,
  normal  = function(u, a) a * (u + unifs(length(u), 77) + unifs(length(u), 78) + unifs(length(u), 79)),
  ties    = function(u, a) floor(200 * a * u) / 100,
  shifted = function(u, a) 1e5 - a * log(u)
)

cases <- expand.grid(kind = names(shape), n = c(21, 25, 100, 400, 1000, 4000, 20000), a = c(0.1, 0.5, 1, 2), stringsAsFactors = FALSE)
cases$seed <- seq_len(nrow(cases)) * 104729
out <- file(commandArgs(TRUE)[1], "w")
writeLines("kind,n,a,seed,k", out)
for (i in seq_len(nrow(cases))) {
  k <- cases[i, ]
  w <- shape[[k$kind]](unifs(k$n, k$seed), k$a)
  khat <- suppressWarnings(psis(w, r_eff = 1)$diagnostics$pareto_k)
  writeLines(paste(k$kind, k$n, sprintf("%.17g", k$a), k$seed, sprintf("%.17g", khat), sep = ","), out)
}
close(out)
