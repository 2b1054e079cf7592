using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;

class Program
{
    static void Main()
    {
        var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        int port = ((IPEndPoint)server.LocalEndpoint).Port;
        var serving = new Thread(() =>
        {
            using (TcpClient peer = server.AcceptTcpClient())
            {
                byte[] text = Encoding.UTF8.GetBytes("pong\n");
                peer.GetStream().Write(text, 0, text.Length);
            }
        });
        serving.Start();
        using (var client = new TcpClient())
        {
            client.Connect(IPAddress.Loopback, port);
            Console.Write(new StreamReader(client.GetStream()).ReadToEnd());
        }
        serving.Join();
        server.Stop();
    }
}
