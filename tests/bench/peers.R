# What else users would run, on one model: Rscript peers.R PEER MODEL [CSV]. PEER: lme4 rstanarm brms MCMCglmm JAGS.
#
# Models and priors are those of models.tsv (lme4: reml_models.tsv). Priors differ only where a peer cannot say them: rstanarm puts its own decov
# prior on the covariance matrix; MCMCglmm has half-Cauchy sds by parameter expansion, and its own prior on their correlation.
# Prints one line: peer,model,version,cpu_seconds,compile_seconds,smallest bulk ESS,ESS per CPU second,parameter; lme4: cpu_seconds only.
# One core. The CPU time is that of the fitting call; data are read before.
args <- commandArgs(TRUE)
peer <- args[1]
model <- args[2]
csv <- if (length(args) > 2) args[3]
Sys.setenv(OMP_NUM_THREADS = 1, OPENBLAS_NUM_THREADS = 1)
options(mc.cores = 1)

refuse <- function(why) { cat(sprintf("%-10s %-12s skipped: %s\n", peer, model, why)); quit(status = 0) }
package <- c(lme4 = "lme4", rstanarm = "rstanarm", brms = "brms", MCMCglmm = "MCMCglmm", JAGS = "rjags")[[peer]]
if (!suppressWarnings(requireNamespace(package, quietly = TRUE))) refuse(paste("R has no package", package, if (package == "MCMCglmm") "(not in Debian: install.packages)" else "(make deps-bench)"))
if (peer != "lme4" && !requireNamespace("posterior", quietly = TRUE)) refuse("R has no package posterior")

table <- read.delim(if (peer == "lme4") "tests/bench/reml_models.tsv" else "tests/bench/models.tsv", header = FALSE, comment.char = "#", quote = "",
                    col.names = c("name", "data", "formula", "factors", "priors")[seq_len(if (peer == "lme4") 4 else 5)], stringsAsFactors = FALSE)
row <- table[table$name == model, ]
if (nrow(row) != 1 || !file.exists(row$data)) refuse("no such model or data")
data <- read.csv(row$data, stringsAsFactors = TRUE)
factors <- strsplit(row$factors, ",")[[1]]
for (f in factors) data[[f]] <- factor(data[[f]])
formula <- as.formula(row$formula)
cpu <- function(expr) { t <- system.time(expr, gcFirst = TRUE); unname(t[["user.self"]] + t[["sys.self"]]) }

# ---- what the priors say ----

priors <- if (peer != "lme4") trimws(strsplit(row$priors, ";")[[1]])
numbers <- function(target) {                      # of "sd ~ half_cauchy(0, 50)": 0, 50
    line <- priors[trimws(sub("~.*", "", priors)) == target]
    if (length(line)) as.numeric(strsplit(gsub(".*\\(|\\).*", "", line), ",")[[1]])
}
intercept <- numbers("b_Intercept"); b <- numbers("b"); sd <- numbers("sd")[2]; sigma <- numbers("sigma")[2]
if (peer != "lme4" && is.null(b)) b <- intercept

# ---- the model as others want it: y, X, one factor's Z (correlated), or several of one effect each ----

bars <- function() regmatches(row$formula, gregexpr("\\([^()|]+\\|[^()]+\\)", row$formula))[[1]]
terms_of <- function(bar) trimws(strsplit(gsub("[()]", "", bar), "\\|")[[1]])
fixed <- as.formula(gsub("\\+ *\\([^()|]+\\|[^()]+\\)", "", row$formula))
X <- function() model.matrix(fixed, data)
short <- function(most) max(200, min(most, round(most * 20000 / (20000 + 40 * nrow(data)))))     # fewer draws where there are more rows

run_lme4 <- function() {
    t <- sapply(1:5, function(i) cpu(suppressWarnings(suppressMessages(lme4::lmer(formula, data)))))
    cat(sprintf("%-10s %-12s %10.2f ms of CPU\n", peer, model, 1e3 * median(t)))
    if (!is.null(csv)) cat(sprintf("%s,%s,%s,%.6g,%.6g,%.6g\n", peer, model, packageVersion("lme4"), median(t), min(t), max(t)), file = csv, append = TRUE)
}

run_rstanarm <- function() {
    suppressPackageStartupMessages(library(rstanarm))      # it calls its own functions by name in the caller
    n <- short(1000)
    t <- cpu(fit <- suppressWarnings(rstanarm::stan_lmer(formula, data, chains = 2, iter = 2 * n, cores = 1, refresh = 0, seed = 1,
             prior_intercept = rstanarm::normal(intercept[1], intercept[2]), prior = rstanarm::normal(b[1], b[2]), prior_aux = rstanarm::cauchy(0, sigma))))
    d <- posterior::as_draws_array(as.array(fit))
    keep <- !grepl("^b\\[", posterior::variables(d)) & posterior::variables(d) != "mean_PPD" & posterior::variables(d) != "log-posterior"
    list(cpu = t, compile = 0, draws = d[, , keep])
}

run_brms <- function() {
    n <- short(1000)
    p <- c(brms::set_prior(sprintf("normal(%g, %g)", b[1], b[2]), class = "b"), brms::set_prior(sprintf("normal(%g, %g)", intercept[1], intercept[2]), class = "Intercept"),
           brms::set_prior(sprintf("cauchy(0, %g)", sd), class = "sd"), brms::set_prior(sprintf("cauchy(0, %g)", sigma), class = "sigma"))
    if (ncol(X()) == 1) p <- p[p$class != "b", ]
    if (!nzchar(system.file("include", package = "BH"))) rstan::rstan_options(boost_lib = "/usr/include", boost_lib2 = "/usr/include")     # Debian's BH: Boost is the system's
    started <- proc.time()
    empty <- suppressMessages(brms::brm(formula, data, prior = p, chains = 0, refresh = 0))
    compile <- (proc.time() - started)[["elapsed"]]
    t <- cpu(fit <- suppressWarnings(suppressMessages(update(empty, chains = 2, iter = 2 * n, cores = 1, refresh = 0, seed = 1, recompile = FALSE))))
    d <- posterior::as_draws_array(as.array(fit))
    list(cpu = t, compile = compile, draws = d[, , grepl("^(b_|sd_|cor_|sigma)", posterior::variables(d))])
}

run_MCMCglmm <- function() {
    random <- sapply(bars(), function(x) { t <- terms_of(x); if (t[1] == "1") t[2] else sprintf("us(1 + %s):%s", sub("^1 *\\+ *", "", t[1]), t[2]) })
    G <- lapply(bars(), function(x) { q <- ncol(model.matrix(as.formula(paste("~", terms_of(x)[1])), data))
                                      list(V = diag(q), nu = q, alpha.mu = rep(0, q), alpha.V = diag(q) * sd^2) })
    names(G) <- paste0("G", seq_along(G))
    p <- ncol(X())
    prior <- list(B = list(mu = c(intercept[1], rep(b[1], p - 1)), V = diag(c(intercept[2], rep(b[2], p - 1))^2, p)), G = G, R = list(V = 1, nu = 0.002))
    n <- 5 * short(2000)
    t <- cpu(fits <- lapply(1:2, function(i) { set.seed(i); MCMCglmm::MCMCglmm(fixed, random = as.formula(paste("~", paste(random, collapse = " + "))), data = data,
             prior = prior, nitt = n * 1.2, burnin = n * 0.2, thin = 1, verbose = FALSE) }))
    one <- function(f) { V <- sqrt(pmax(f$VCV, 0)); cbind(as.matrix(f$Sol), as.matrix(f$VCV)) }
    d <- posterior::as_draws_array(simplify2array(lapply(fits, one)) |> aperm(c(1, 3, 2)))
    list(cpu = t, compile = 0, draws = d)
}

# Half-Cauchy sds and LKJ(1) (for two effects: uniform correlation), by the scaled normals that mix best in JAGS.
jags_text <- function(q, nfac) {
    effects <- if (nfac > 1) paste(sprintf("    for (j in 1:J%1$d) { u%1$d[j] ~ dnorm(0, 1 / sd%1$d^2) }\n    sd%1$d ~ dt(0, 1 / S^2, 1) T(0,)", seq_len(nfac)), collapse = "\n")
        else if (q == 1) "    for (j in 1:J) { u[j, 1] ~ dnorm(0, 1 / sd[1]^2) }\n    sd[1] ~ dt(0, 1 / S^2, 1) T(0,)"
        else paste("    for (j in 1:J) { u[j, 1] ~ dnorm(0, 1 / sd[1]^2)\n        u[j, 2] ~ dnorm(rho * sd[2] / sd[1] * u[j, 1], 1 / (sd[2]^2 * (1 - rho^2))) }",
                   "    for (k in 1:2) { sd[k] ~ dt(0, 1 / S^2, 1) T(0,) }\n    rho ~ dunif(-1, 1)", sep = "\n")
    mean <- if (nfac > 1) paste(sprintf("u%1$d[g%1$d[i]]", seq_len(nfac)), collapse = " + ") else "inprod(Z[i, ], u[g[i], ])"
    paste0("model {\n    for (i in 1:N) { y[i] ~ dnorm(inprod(X[i, ], b) + ", mean, ", 1 / sigma^2) }\n",
           "    for (k in 1:P) { b[k] ~ dnorm(m[k], 1 / s[k]^2) }\n", effects, "\n    sigma ~ dt(0, 1 / R^2, 1) T(0,)\n}\n")
}

run_JAGS <- function() {
    bar <- bars()
    Z <- model.matrix(as.formula(paste("~", terms_of(bar[1])[1])), data)
    if (ncol(Z) > 2) refuse("more than two effects per group")
    x <- X()
    d <- list(N = nrow(data), P = ncol(x), X = x, y = model.response(model.frame(fixed, data)), m = c(intercept[1], rep(b[1], ncol(x) - 1)),
              s = c(intercept[2], rep(b[2], ncol(x) - 1)), S = sd, R = sigma)
    monitor <- c("b", "sigma")
    if (length(bar) > 1) {
        for (k in seq_along(bar)) { g <- data[[terms_of(bar[k])[2]]]; d[[paste0("g", k)]] <- as.integer(g); d[[paste0("J", k)]] <- nlevels(g) }
        monitor <- c(monitor, paste0("sd", seq_along(bar)))
    } else {
        g <- data[[terms_of(bar)[2]]]
        d <- c(d, list(Z = Z, g = as.integer(g), J = nlevels(g)))
        monitor <- c(monitor, "sd", if (ncol(Z) == 2) "rho")
    }
    n <- short(3000)
    rjags::load.module("glm", quiet = TRUE)
    t <- cpu({ m <- rjags::jags.model(textConnection(jags_text(ncol(Z), length(bar))), d, n.chains = 2, n.adapt = n %/% 4, quiet = TRUE)
               update(m, n %/% 4, progress.bar = "none")
               s <- rjags::coda.samples(m, monitor, n, progress.bar = "none") })
    draws <- aperm(simplify2array(lapply(s, as.matrix)), c(1, 3, 2))
    list(cpu = t, compile = 0, draws = posterior::as_draws_array(draws))
}

if (peer == "lme4") { run_lme4(); quit(status = 0) }
set.seed(1)
r <- get(paste0("run_", peer))()
ess <- apply(r$draws, 3, function(x) posterior::ess_bulk(matrix(x, dim(x)[1])))
rhat <- max(apply(r$draws, 3, function(x) posterior::rhat(matrix(x, dim(x)[1]))), na.rm = TRUE)
worst <- names(ess)[which.min(ess)]
cat(sprintf("%-10s %-12s %9.1f s of CPU%s, smallest bulk ESS %6.0f (%s), %8.2f a CPU second, R-hat %.2f\n", peer, model, r$cpu,
            if (r$compile > 0) sprintf(" after %.0f s of compiling", r$compile) else "", min(ess), worst, min(ess) / r$cpu, rhat))
if (!is.null(csv)) cat(sprintf("%s,%s,%s,%.6g,%.6g,%.6g,%.6g,%s,%.4g\n", peer, model, packageVersion(package), r$cpu, r$compile, min(ess), min(ess) / r$cpu,
                               gsub(",", " ", worst), rhat), file = csv, append = TRUE)
