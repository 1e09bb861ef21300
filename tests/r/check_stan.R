# Rscript check_stan.R DIR draws.csv: rstan reads the Stan CSV files of DIR and must find the very draws of draws.csv (another fit with the same seed), chain by
# chain, under the names that draws-labels.json gives to them. Exits with 1 if not.
suppressPackageStartupMessages({ library(rstan); library(jsonlite) })

arg <- commandArgs(TRUE)
if (length(arg) != 2) stop("usage: Rscript check_stan.R DIR draws.csv")
want <- read.csv(arg[2], check.names = FALSE)
fit <- read_stan_csv(sort(Sys.glob(file.path(arg[1], "draws-[0-9]*.csv"))))
got <- as.array(fit)                                    # iterations x chains x parameters
labels <- fromJSON(file.path(arg[1], "draws-labels.json"), simplifyVector = TRUE)

name <- function(p) {
  if (p %in% names(labels$scalars)) return(labels$scalars[[p]])
  a <- labels$arrays[[sub("\\[.*", "", p)]]
  i <- as.integer(strsplit(gsub(".*\\[|\\]", "", p), ",")[[1]])
  sprintf("r_%s[%s,%s]", a$group, a$level[i[1]], a$term[i[2]])
}
bad <- 0
say <- function(...) { cat(sprintf(...), "\n"); bad <<- bad + 1 }
parameters <- dimnames(got)$parameters
if (!setequal(c(vapply(setdiff(parameters, "lp__"), name, ""), "lp__"), setdiff(names(want), c(".chain", ".iteration", ".draw"))))
  say("other parameters: %s", toString(parameters))
for (chain in unique(want$.chain)) for (p in parameters) {
  ours <- want[[if (p == "lp__") p else name(p)]][want$.chain == chain]
  if (!isTRUE(all.equal(ours, unname(got[, chain, p]), tolerance = 1e-14))) say("%s of chain %d differs", p, chain)
}
if (any(fit@sim$warmup2 != 0)) say("warm-up iterations where there are none")
cat(dim(got), "numbers,", bad, "wrong\n")
quit(status = if (bad > 0) 1 else 0)
