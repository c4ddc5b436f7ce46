//! The heartbeat: gives back what it gets, so that front ends see that the
//! process lives. It shares no thread with cells.
//!
//! A ROUTER socket, which any number of front ends may ask at once. (zeromq's REP
//! would never come to rest after a front end that hung up within a message.)

use zeromq::{RouterSocket, SocketRecv, SocketSend};

pub(crate) async fn serve(mut socket: RouterSocket) {
    loop {
        let answered = match socket.recv().await {
            Ok(message) => socket.send(message).await,
            Err(error) => Err(error),
        };
        if let Err(error) = answered {
            tracing::debug!(%error, "heartbeat of a front end that is gone");
            tokio::task::yield_now().await;
        }
    }
}
