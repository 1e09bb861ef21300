# Writes posterior_reference.csv (to the file named on the command line): what R's posterior says about draws that tests/test_draws.c makes
# anew. The draws come from integer arithmetic and IEEE operations only, so both sides hold the same doubles, and the file stays small.
suppressPackageStartupMessages(library(posterior))

state <- 1
unif <- function() {                      # Park & Miller's minimal standard generator
  state <<- (state * 16807) %% 2147483647
  state / 2147483648
}
noise <- function() unif() + unif() + unif() + unif() - 2

# One draw: e is its noise, z the AR(1) state with it, chain and iter from 1.
shape <- list(
  normal   = function(z, chain, iter) z,
  heavy    = function(z, chain, iter) z / unif(),
  rounded  = function(z, chain, iter) floor(4 * z),
  binary   = function(z, chain, iter) as.numeric(z > 0.25),
  positive = function(z, chain, iter) z * z,
  trend    = function(z, chain, iter) z + 0.00390625 * iter,
  shifted  = function(z, chain, iter) z + 0.25 * chain,
  scaled   = function(z, chain, iter) z * chain,
  offset   = function(z, chain, iter) 1000000 + z,
  tiny     = function(z, chain, iter) z * 2^-30,
  zeros    = function(z, chain, iter) if (iter %% 3 == 0) 0 * z else z,
  atom     = function(z, chain, iter) z * 2^-60,
  constant = function(z, chain, iter) 0.1,
  stuck    = function(z, chain, iter) 0.1 * chain,
  onestuck = function(z, chain, iter) if (chain == 1) 0.5 else z,
  nan      = function(z, chain, iter) if (iter == 1) NaN else z,
  inf      = function(z, chain, iter) if (iter == 1 && chain == 1) Inf else z
)

draws <- function(kind, nchain, niter, phi, seed) {
  state <<- seed
  x <- matrix(0, niter, nchain)
  for (chain in seq_len(nchain)) {
    z <- noise()
    for (iter in seq_len(niter)) {
      z <- phi * z + noise()
      x[iter, chain] <- shape[[kind]](z, chain, iter)
    }
  }
  x
}

quiet <- function(expr) tryCatch(suppressWarnings(expr), error = function(e) NA_real_)

# With 2 or 3 draws per chain posterior's split chains x[1:1, ] lose their dimension, and chains are taken for iterations: there the
# convergence diagnostics are NA, as what they are meant to be.
answers <- function(x) {
  convergence <- c("rhat", "ess_bulk", "ess_tail", "mcse_mean", "mcse_sd", "ess_mean", "mcse_q5", "mcse_q50", "mcse_q97.5")
  q <- quiet(quantile2(as.vector(x), c(0.05, 0.95, 0.025, 0.975)))
  if (length(q) == 1) q <- rep(q, 4)
  a <- c(mean = mean(x), median = median(x), sd = sd(as.vector(x)), mad = mad(as.vector(x)), q5 = q[[1]], q95 = q[[2]],
    rhat = quiet(rhat(x)), ess_bulk = quiet(ess_bulk(x)), ess_tail = quiet(ess_tail(x)),
    mcse_mean = quiet(mcse_mean(x)), mcse_sd = quiet(mcse_sd(x)), q2.5 = q[[3]], q97.5 = q[[4]],
    ess_mean = quiet(ess_mean(x)), mcse_q5 = quiet(mcse_quantile(x, 0.05)[[1]]), mcse_q50 = quiet(mcse_quantile(x, 0.5)[[1]]),
    mcse_q97.5 = quiet(mcse_quantile(x, 0.975)[[1]]))
  if (nrow(x) < 4) a[convergence] <- NA
  a
}

cases <- rbind(
  expand.grid(kind = "normal", nchain = c(1, 2, 3, 4, 8), niter = c(1:12, 25, 100, 101, 250), phi = c(0, 0.75), stringsAsFactors = FALSE),
  expand.grid(kind = "normal", nchain = c(1, 4), niter = c(999, 1000, 2500), phi = c(-0.875, -0.5, 0, 0.5, 0.9375, 0.9921875, 1),
              stringsAsFactors = FALSE),
  expand.grid(kind = setdiff(names(shape), "normal"), nchain = c(1, 4, 5), niter = c(5, 20, 333, 1000), phi = c(0, 0.875),
              stringsAsFactors = FALSE))
cases$seed <- seq_len(nrow(cases)) * 7919

number <- function(x) ifelse(is.na(x), "NA", sprintf("%.17g", x))
out <- file(commandArgs(TRUE)[1], "w")
for (i in seq_len(nrow(cases))) {
  k <- cases[i, ]
  x <- draws(k$kind, k$nchain, k$niter, k$phi, k$seed)
  a <- answers(x)
  if (i == 1) writeLines(paste(c("kind,nchain,niter,phi,seed,last", names(a)), collapse = ","), out)
  writeLines(paste(c(k$kind, k$nchain, k$niter, number(k$phi), k$seed, number(x[length(x)]), number(a)), collapse = ","), out)
}
close(out)
