//! Everything HTTP: problems, extractors, request ids, tracing, the usage log and the Lambda bootstrap.
