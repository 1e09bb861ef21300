# Rscript check_draws.R draws.csv summary.csv: R's posterior reads the draws, summarises them, and must come to the numbers of summary.csv
# (relative difference at most 1e-6; where a location may cancel to 0, relative to the standard deviation). Exits with 1 if not.
suppressPackageStartupMessages(library(posterior))

arg <- commandArgs(TRUE)
if (length(arg) != 2) stop("usage: Rscript check_draws.R draws.csv summary.csv")
draws <- as_draws_df(read.csv(arg[1], check.names = FALSE))
ours <- read.csv(arg[2], check.names = FALSE, colClasses = c(variable = "character"))

columns <- c("variable", "mean", "median", "sd", "mad", "q5", "q95", "rhat", "ess_bulk", "ess_tail", "mcse_mean", "mcse_sd", "q2.5", "q97.5")
if (!identical(names(ours)[seq_along(columns)], columns)) {
  cat("columns of", arg[2], "are", names(ours), "instead of", columns, "\n")
  quit(status = 1)
}
if (!setequal(ours$variable, variables(draws))) {
  cat("only in", arg[1], ":", setdiff(variables(draws), ours$variable), "\nonly in", arg[2], ":", setdiff(ours$variable, variables(draws)), "\n")
  quit(status = 1)
}

theirs <- suppressWarnings(summarise_draws(subset_draws(draws, variable = ours$variable), mean = mean, median = median, sd = sd, mad = mad,
  ~quantile2(.x, c(0.05, 0.95)), rhat = rhat, ess_bulk = ess_bulk, ess_tail = ess_tail, mcse_mean = mcse_mean, mcse_sd = mcse_sd,
  ~quantile2(.x, c(0.025, 0.975))))
theirs <- as.data.frame(theirs)[match(ours$variable, theirs$variable), ]
convergence <- c("rhat", "ess_bulk", "ess_tail", "mcse_mean", "mcse_sd")
if (niterations(draws) < 4) theirs[convergence] <- NA      # there posterior takes chains for iterations

bad <- 0
for (column in columns[-1]) {
  a <- as.numeric(ours[[column]])
  b <- as.numeric(theirs[[column]])
  scale <- pmax(abs(b), if (column %in% c("mean", "median", "q5", "q95", "q2.5", "q97.5")) as.numeric(theirs$sd) else 0, na.rm = TRUE)
  same <- (is.na(a) & is.na(b)) | (!is.na(a) & !is.na(b) & (a == b | abs(a - b) <= 1e-6 * scale))
  for (i in which(!same)) cat(sprintf("%s of %s: %.15g here, %.15g in posterior\n", column, ours$variable[i], a[i], b[i]))
  bad <- bad + sum(!same)
}
cat(sprintf("%d variables, %d numbers, %d different\n", nrow(ours), nrow(ours) * (length(columns) - 1), bad))
quit(status = if (bad > 0) 1 else 0)
