//! Large answers on their way out: they hold memory until they have left, and let others go between.

use axum::body::{Body, Bytes, HttpBody};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use web::budget::{Account, FREE};

/// Bytes that leave, and are compressed, at a time. Half a millisecond's work for gzip.
const SLICE: usize = 16 << 10;

/// Holds the memory of an answer, if it is large, until it has left. The answer is a refusal where the memory can't be held.
pub fn held(response: Response, account: Account) -> Response {
    let size = response.body().size_hint().exact().unwrap_or_default();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size <= FREE {
        return response;
    }
    match account.hold_answer(size) {
        Ok(()) => response.map(|body| {
            Body::new(Leaving {
                body,
                part: Bytes::new(),
                waited: true,
                _account: account,
            })
        }),
        Err(problem) => problem.into_response(),
    }
}

struct Leaving {
    body: Body,
    /// What is left of the body's last frame.
    part: Bytes,
    /// Whether others had their turn since the last slice.
    waited: bool,
    _account: Account,
}

impl HttpBody for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.waited {
            self.waited = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.part.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.part = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                other => return Poll::Ready(other),
            }
        }
        let size = self.part.len().min(SLICE);
        let slice = self.part.split_to(size);
        self.waited = self.is_end_stream();
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.part.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, part) = (self.body.size_hint(), self.part.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + part);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + part);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;
    use std::num::NonZeroUsize;
    use web::budget::{Budget, Limits};

    fn budget(bodies: usize) -> Budget {
        Budget::new(Limits {
            bodies,
            client: bodies,
            working: bodies,
            workers: NonZeroUsize::MIN,
        })
    }

    #[tokio::test]
    async fn a_large_answer_leaves_in_slices_and_holds_its_memory() {
        let budget = budget(1 << 20);
        let text: Vec<u8> = (0..100_000_u32).map(|index| index as u8).collect();
        let account = budget.account(Some(IpAddr::from([192, 0, 2, 1])));
        let mut answer = held(Body::from(text.clone()).into_response(), account);
        assert_eq!(answer.body().size_hint().exact(), Some(100_000));
        assert_eq!(budget.held(), 100_000);
        let mut left = Vec::new();
        let mut body = Pin::new(answer.body_mut());
        while let Some(frame) = std::future::poll_fn(|it| body.as_mut().poll_frame(it)).await {
            let slice = frame.unwrap().into_data().unwrap();
            assert!(slice.len() <= SLICE);
            left.extend_from_slice(&slice);
        }
        assert!(body.is_end_stream());
        assert_eq!(left, text);
        drop(answer);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn an_answer_that_has_no_room_is_refused() {
        let budget = budget(50_000);
        let large = || Body::from(vec![b' '; 60_000]).into_response();
        assert_eq!(held(large(), budget.account(None)).status(), 429);
        assert_eq!(budget.held(), 0);
        let small = Body::from(vec![b' '; FREE]).into_response();
        assert_eq!(held(small, budget.account(None)).status(), 200);
    }
}
